import { beforeEach, describe, expect, it } from "vitest";
import { Drafts } from "../src/desk/drafts.ts";
import { browserStore, type Store } from "../src/shared/storage.ts";

describe("drafts", () => {
  let store: Store;
  let drafts: Drafts;

  /** The same browser after a reload. */
  const reloaded = (agent: string) => {
    const d = new Drafts(store);
    d.of(agent);
    return d;
  };

  beforeEach(() => {
    store = browserStore("t.", undefined);
    drafts = reloaded("ada");
  });

  it("are kept per conversation, the reply apart from the note, and outlive a reload", () => {
    drafts.set("c1", "public", "Dear ");
    drafts.set("c1", "internal", "Bank says no");
    drafts.set("c2", "public", "Hello");
    for (const d of [drafts, reloaded("ada")]) {
      expect([d.get("c1", "public"), d.get("c1", "internal"), d.get("c2", "public"), d.get("c2", "internal")]).toEqual(["Dear ", "Bank says no", "Hello", ""]);
    }
  });

  it("end when they are sent, and only the one that was", () => {
    drafts.set("c1", "public", "Dear");
    drafts.set("c1", "internal", "note");
    drafts.clear("c1", "public");
    expect([drafts.get("c1", "public"), drafts.get("c1", "internal"), drafts.has("c1")]).toEqual(["", "note", true]);
    drafts.clear("c1", "internal");
    expect(drafts.has("c1")).toBe(false);
    expect(store.get("drafts")).toBeUndefined();
  });

  it("keep spaces and lines as they were written", () => {
    drafts.set("c1", "public", " ");
    expect(drafts.get("c1", "public")).toBe(" ");
    drafts.set("c1", "public", " a\n\n");
    expect(reloaded("ada").get("c1", "public")).toBe(" a\n\n");
  });

  it("are never another agent's", () => {
    drafts.set("c1", "public", "Dear");
    expect(reloaded("ben").get("c1", "public")).toBe("");
    expect(reloaded("ada").get("c1", "public")).toBe("");
  });

  it("outlive a session that ran out, but not signing out", () => {
    drafts.set("c1", "public", "Dear");
    drafts.of("ada");
    expect(drafts.get("c1", "public")).toBe("Dear");
    drafts.forget();
    expect(drafts.get("c1", "public")).toBe("");
    expect(store.get("drafts")).toBeUndefined();
  });

  it("of the conversations that were written in longest ago make room", () => {
    for (let i = 0; i < 100; i++) drafts.set(`c${i}`, "public", `${i}`);
    drafts.set("c0", "public", "0 again");
    drafts.set("c100", "public", "100");
    expect([drafts.get("c0", "public"), drafts.get("c1", "public"), drafts.get("c2", "public"), drafts.get("c100", "public")]).toEqual(["0 again", "", "2", "100"]);
  });

  it("that cannot be read count as none", () => {
    store.set("drafts", { agent: "ada", drafts: "?" });
    expect(reloaded("ada").get("c1", "public")).toBe("");
  });
});
