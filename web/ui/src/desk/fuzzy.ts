// Finds what somebody means by a few letters: every letter of the query in order, with words' beginnings and runs first.

export interface Found {
  score: number;
  /** Where the letters stand in the text, in UTF-16 units. */
  at: number[];
}

const plain = (c: string): string => c.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().charAt(0);

/** The best way to find the query's letters in the text, or null. Spaces of the query, accents and capitals do not matter. */
export function fuzzy(query: string, text: string): Found | null {
  const want = [...query].filter((c) => c.trim() !== "").map(plain);
  const have = text.split("").map(plain);
  if (want.length === 0) return { score: 0, at: [] };
  if (want.length > 64 || have.length > 400) return null;
  // best[j]: the best score with the newest letter at j, and the way there.
  let best: (Found | null)[] = have.map(() => null);
  for (const [i, letter] of want.entries()) {
    const next: (Found | null)[] = have.map(() => null);
    let before: Found | null = null; // the best that ends before j-1
    for (let j = 0; j < have.length; j++) {
      const run = j > 0 ? (best[j - 1] ?? null) : null;
      const far = j > 1 ? (best[j - 2] ?? null) : null;
      if (far && (!before || far.score > before.score)) before = far;
      if (have[j] !== letter) continue;
      const start = j === 0 || !/[\p{L}\p{N}]/u.test(text.charAt(j - 1));
      const worth = (start ? 8 : 1) - j * 0.01;
      if (i === 0) next[j] = { score: worth + (j === 0 ? 4 : 0), at: [j] };
      else {
        const near: Found | null = run && { score: run.score + 8 + worth, at: [...run.at, j] };
        const jump: Found | null = before && { score: before.score + worth - 1, at: [...before.at, j] };
        next[j] = near && (!jump || near.score >= jump.score) ? near : jump;
      }
    }
    best = next;
  }
  return best.reduce<Found | null>((a, b) => (b && (!a || b.score > a.score) ? b : a), null);
}
