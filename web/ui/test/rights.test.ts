import { describe, expect, it } from "vitest";
import { forget } from "../src/chat/rights.ts";

/** A browser's store in memory. */
class Area implements Storage {
  private m = new Map<string, string>();
  [name: string]: unknown;
  get length() {
    return this.m.size;
  }
  key(i: number) {
    return [...this.m.keys()][i] ?? null;
  }
  getItem(k: string) {
    return this.m.get(k) ?? null;
  }
  setItem(k: string, v: string) {
    this.m.set(k, v);
  }
  removeItem(k: string) {
    this.m.delete(k);
  }
  clear() {
    this.m.clear();
  }
  get names() {
    return [...this.m.keys()].sort();
  }
}

function filled(): Area {
  const a = new Area();
  a.setItem("firstline.session", JSON.stringify({ id: "gone", token: "t" }));
  a.setItem("firstline.draft.gone", JSON.stringify("half a sentence"));
  a.setItem("firstline.draft.other", JSON.stringify("another"));
  a.setItem("firstline.outbox", JSON.stringify([{ conversation: "gone", text: "a" }, { conversation: "other", text: "b" }]));
  a.setItem("firstline.history", JSON.stringify([{ id: "gone" }]));
  a.setItem("firstline.sound", "true");
  a.setItem("another site's", "gone");
  return a;
}

describe("forgetting a conversation that was deleted", () => {
  it("removes it everywhere, and nothing of another one", () => {
    const a = filled();
    forget(a, "firstline.", "gone");
    expect(a.names).toEqual(["another site's", "firstline.draft.other", "firstline.outbox", "firstline.sound"]);
    expect(JSON.parse(a.getItem("firstline.outbox") ?? "")).toEqual([{ conversation: "other", text: "b" }]);
  });

  it("removes what cannot be read and has its id", () => {
    const a = new Area();
    a.setItem("firstline.broken", "{gone");
    forget(a, "firstline.", "gone");
    expect(a.names).toEqual([]);
  });

  it("removes all of this site's and nobody else's when everything of a customer is deleted", () => {
    const a = filled();
    forget(a, "firstline.");
    expect(a.names).toEqual(["another site's"]);
  });
});
