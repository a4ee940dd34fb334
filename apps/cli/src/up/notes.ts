/** What a running `weir up` owns outside its process; a later start clears it after a kill -9. */
export interface UpNotes {
  data: string;
  /** Labs that it brought up itself. */
  labs: string[];
  /** Nodes it has attached collectors to. */
  nodes: string[];
}

export const noNotes: UpNotes = { data: "", labs: [], nodes: [] };
