// Package triage tells what a customer's message is about and how urgent it is, before anything else is decided. It does
// three things, all of them without a model server, in microseconds:
//
//   - Classifier gives calibrated probabilities of the desk's topics, trained at start from the topics' own examples.
//   - Detect finds cues that no score may override: a request for a person, danger, a legal right, a child.
//   - Language guesses the language of a message, leaning to that of the conversation.
//
// The package is pure: no database, no network, no clock, no randomness; the same input gives the same output bit for
// bit. It only reads and reports. It never decides what happens next, never blocks a customer and keeps no text.
package triage
