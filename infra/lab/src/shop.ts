import { fileURLToPath } from "node:url";

/** Folder of the shop's manifests: what `--lab shop` means. */
export const shopManifests: string = fileURLToPath(new URL("../shop", import.meta.url));
