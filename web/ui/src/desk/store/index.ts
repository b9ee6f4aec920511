// Everything of the desk's state under one name: import * as s from "./store/index.ts".

export * from "./session.ts";
export * from "./queue.ts";
export * from "./conversation.ts";
export * from "./actions.ts";
export * from "./live.ts";
