// Package demo holds the demo content: the help centre, the topics and the test suites of Larkpay, an invented company
// that lets people pay for purchases later. It is what a new installation starts with when asked to, and what the
// tests of retrieval and triage are held to. Nothing here is read unless somebody asks for it.
package demo

import "embed"

// FS holds the demo content: articles/<locale>/<collection>/<slug>[.<variant>].md, topics.yaml, teams.yaml, macros.yaml and
// suites/*.jsonl, and certificate.json, which says how sure an answer from these articles must be (empty: nothing is
// certified).
//
//go:embed articles suites *.yaml certificate.json
var FS embed.FS
