// Package measure holds the figures by which Firstline judges itself: how well scores separate, how honest
// probabilities are, how good a ranking is, and what a finite sample allows one to claim. Every function is pure and
// deterministic. The package knows nothing of questions, topics or articles: it sees scores, outcomes and ranks only,
// and decides nothing.
package measure
