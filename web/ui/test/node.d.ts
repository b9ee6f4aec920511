// What the tests use of Node; its types as a whole would change those of the browser's timers.
declare module "node:fs" {
  export function readFileSync(path: string): Uint8Array;
  export function readFileSync(path: string, encoding: "utf8"): string;
}
declare module "node:zlib" {
  export function gzipSync(data: Uint8Array, options?: { level?: number }): Uint8Array;
}
declare module "node:child_process" {
  export function spawnSync(program: string, args: string[], options: { encoding: "utf8" }): { status: number | null; stdout: string; stderr: string };
}
declare const process: { execPath: string };
