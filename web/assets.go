package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/fault"
)

//go:embed templates static
var pageFiles embed.FS

// asset is a file that never changes under its name.
type asset struct {
	kind    string // content type
	etag    string
	body    []byte
	zipped  []byte // nil where compression does not pay
	forever bool   // its name changes with its contents
}

// contentTypes by extension. The system's own table differs between machines.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".json": "application/json",
	".map": "application/json", ".png": "image/png", ".svg": "image/svg+xml", ".webp": "image/webp", ".woff2": "font/woff2",
}

// newAsset prepares a file for serving: its hash and its compressed form are made once.
func newAsset(name string, body []byte, forever bool) asset {
	a := asset{kind: contentTypes[path.Ext(name)], etag: `"` + fingerprint(body) + `"`, body: body, forever: forever}
	if a.kind == "" {
		a.kind = "application/octet-stream"
	}
	if strings.HasPrefix(a.kind, "image/") && a.kind != "image/svg+xml" || strings.HasPrefix(a.kind, "font/") {
		return a
	}
	a.zipped = compressed(body, gzip.BestCompression)
	return a
}

// compressed is a body under gzip; nil where that does not pay.
func compressed(body []byte, level int) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, level) // the level is valid
	if _, err := w.Write(body); err == nil && w.Close() == nil && b.Len() < len(body)*9/10 {
		return b.Bytes()
	}
	return nil
}

// zipped is what is made anew for each request, under gzip and quickly; nil where that does not pay.
func zipped(body []byte) []byte { return compressed(body, gzip.BestSpeed) }

// fingerprint names contents: the first 8 bytes of their SHA-256, in hex.
func fingerprint(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

// loadAssets reads every file below dir for serving under prefix.
func loadAssets(into map[string]asset, fsys fs.FS, dir, prefix string) error {
	return fs.WalkDir(fsys, dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		into[prefix+strings.TrimPrefix(name, dir+"/")] = newAsset(name, body, true)
		return nil
	})
}

// hashedStatic enters the pages' own files under names that carry their fingerprint, and returns those by plain name.
func hashedStatic(into map[string]asset) (map[string]string, error) {
	plain := map[string]asset{}
	if err := loadAssets(plain, pageFiles, "static", ""); err != nil {
		return nil, fmt.Errorf("web: static files: %w", err)
	}
	paths := map[string]string{}
	for name, a := range plain {
		ext := path.Ext(name)
		p := "/static/" + strings.TrimSuffix(name, ext) + "-" + strings.Trim(a.etag, `"`) + ext
		into[p], paths[name] = a, p
	}
	return paths, nil
}

// serve answers with the asset, compressed where the client takes that, or with 304 where it has it.
func (a asset) serve(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("ETag", a.etag)
	if h.Get("Vary") == "" {
		h.Set("Vary", "Accept-Encoding")
	}
	if a.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if matches(c.GetHeader("If-None-Match"), a.etag) {
		c.Status(http.StatusNotModified)
		return
	}
	body := a.body
	if a.zipped != nil && acceptsGzip(c.GetHeader("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = a.zipped
	}
	c.Data(http.StatusOK, a.kind, body)
}

// matches reports whether an If-None-Match header names the tag, compared weakly (RFC 9110, 13.1.2).
func matches(header, etag string) bool {
	for t := range strings.SplitSeq(header, ",") {
		if t = strings.TrimSpace(t); t == "*" || strings.TrimPrefix(t, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// acceptsGzip reports whether the client takes gzip: named without a weight of zero.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q := strings.ReplaceAll(strings.TrimSpace(weight), " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

// asset serves the file at the request's path.
func (p *pageServer) asset(c *gin.Context) error {
	a, ok := p.assets[c.Request.URL.Path]
	if !ok {
		return fault.New(fault.NotFound, "no_such_path", "There is nothing at this path.")
	}
	if a.forever && strings.HasPrefix(c.Request.URL.Path, "/assets/") {
		forEveryPage(c) // pages of other origins show the chat with it
	}
	a.serve(c)
	return nil
}
