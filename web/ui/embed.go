// Package ui holds the built pages of the customer's chat and the agents' desk. It only carries files: it never serves,
// and it knows nothing of HTTP. Their source is the TypeScript beside this file; "npm ci && npm run build" here makes dist.
// Without that step the program still compiles, and Dist is empty.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var files embed.FS

// Dist holds chat.html and desk.html, the shells of the two pages, and assets/, whose names carry a hash of their
// contents and so may be cached for ever.
var Dist fs.FS = sub()

func sub() fs.FS {
	dist, err := fs.Sub(files, "dist")
	if err != nil {
		panic("ui: " + err.Error()) // the pattern above guarantees the directory
	}
	return dist
}

// Built reports whether the pages were built before the program was.
func Built() bool {
	_, err := fs.Stat(Dist, "chat.html")
	return err == nil
}
