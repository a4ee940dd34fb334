/** Addresses remembered, in sets of neighbouring places; where a set is full, one goes. */
const places = 1 << 16;
const placesOfSet = 4;
/** 16 bytes. */
const wordsOfAddress = 4;

/**
 * Numbers of addresses, each for a time, as they were found out: a bounded table in which nothing
 * is allocated. The same few addresses come block after block, and finding out is dear.
 */
export class AddressNumbers {
  readonly #words = new Int32Array(places * wordsOfAddress);
  readonly #from = new Float64Array(places);
  readonly #until = new Float64Array(places);
  readonly #numbers = new Int32Array(places);
  /** Counts up with `clear`: what is of an earlier one is not there. */
  readonly #clears = new Uint32Array(places);
  #cleared = 1;
  #next = 0;

  /** What is remembered of the address at `offset` for all of that time; undefined: nothing. */
  get(addresses: DataView, offset: number, from: number, until: number): number | undefined {
    const place = this.#find(addresses, offset);
    if (place < 0) return undefined;
    const throughout =
      (this.#from[place] as number) <= from && until <= (this.#until[place] as number);
    return throughout ? this.#numbers[place] : undefined;
  }

  set(addresses: DataView, offset: number, from: number, until: number, number: number): void {
    let place = this.#find(addresses, offset);
    if (place < 0) {
      place = this.#placeFor(setOf(addresses, offset));
      for (let word = 0; word < wordsOfAddress; word++)
        this.#words[place * wordsOfAddress + word] = addresses.getInt32(offset + 4 * word);
      this.#clears[place] = this.#cleared;
    }
    this.#from[place] = from;
    this.#until[place] = until;
    this.#numbers[place] = number;
  }

  clear(): void {
    this.#cleared += 1;
  }

  #placeFor(first: number): number {
    for (let place = first; place < first + placesOfSet; place++)
      if (this.#clears[place] !== this.#cleared) return place;
    return first + (this.#next++ & (placesOfSet - 1));
  }

  #find(addresses: DataView, offset: number): number {
    const first = setOf(addresses, offset);
    for (let place = first; place < first + placesOfSet; place++) {
      if (this.#clears[place] === this.#cleared && this.#isAt(place, addresses, offset))
        return place;
    }
    return -1;
  }

  #isAt(place: number, addresses: DataView, offset: number): boolean {
    const at = place * wordsOfAddress;
    const words = this.#words;
    return (
      words[at + 3] === addresses.getInt32(offset + 12) &&
      words[at + 2] === addresses.getInt32(offset + 8) &&
      words[at + 1] === addresses.getInt32(offset + 4) &&
      words[at] === addresses.getInt32(offset)
    );
  }
}

/** First place of the set that the address belongs to. */
function setOf(addresses: DataView, offset: number): number {
  let mixed = Math.imul(addresses.getInt32(offset), 0x9e37_79b1) ^ addresses.getInt32(offset + 4);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b) ^ addresses.getInt32(offset + 8);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35) ^ addresses.getInt32(offset + 12);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  return (mixed ^ (mixed >>> 13)) & (places - placesOfSet);
}
