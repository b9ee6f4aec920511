package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mask"
)

// Bounds of uploads. A file is in memory while it is checked and stored, so few may be at once.
const (
	uploadTimeout = 90 * time.Second
	uploadsAtOnce = 8
	uploadRoom    = 16 << 10 // for what a form puts around its file
)

// customerUpload is POST /v1/attachments?conversation=ID: the conversation's own token opens it.
func (s *Server) customerUpload(c *gin.Context) error {
	a, err := s.upload(c, conversationID(c), chat.Customer)
	if err != nil {
		return err
	}
	return ok(c, http.StatusCreated, a)
}

// namedInQuery lets the customer's check find the conversation where the path does not name it.
func namedInQuery(c *gin.Context) {
	c.Params = append(c.Params, gin.Param{Key: "id", Value: c.Query("conversation")})
	c.Next()
}

func (s *Server) agentUpload(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	a, err := s.upload(c, id, chat.Agent)
	if err != nil {
		return err
	}
	return ok(c, http.StatusCreated, a)
}

// upload takes the one file of a form, under any field name. Its type is what its content is; what it says of itself counts
// for nothing but its name.
func (s *Server) upload(c *gin.Context, conversation uuid.UUID, author chat.Author) (chat.Attachment, error) {
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		return chat.Attachment{}, fault.New(fault.Unavailable, "busy", "Many files are arriving at once. Please try again in a moment.")
	}
	name, data, err := readFile(c)
	if err != nil {
		return chat.Attachment{}, err
	}
	kind, ok := chat.Sniff(data)
	if !ok {
		return chat.Attachment{}, fault.Field("file", "unsupported_type", "Send a picture (PNG, JPEG, GIF or WebP), a PDF or a plain text file.")
	}
	if kind == "text/plain" {
		masked, _ := mask.Mask(string(data))
		data = []byte(masked)
	}
	return s.Record.Upload(c.Request.Context(), conversation, author, chat.FileName(name, kind), kind, data)
}

// readFile reads a form with one file.
func readFile(c *gin.Context) (name string, data []byte, err error) {
	ctl := http.NewResponseController(c.Writer)
	_ = ctl.SetReadDeadline(time.Now().Add(uploadTimeout)) // in place of the short one for JSON; recorders in tests have none
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, chat.MaxFile+uploadRoom)
	form, err := c.Request.MultipartReader()
	if err != nil {
		return "", nil, fault.New(fault.Invalid, "not_a_form", "Send the file as multipart/form-data.")
	}
	found := false
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", nil, uploadFault(err)
		}
		if part.FileName() == "" {
			return "", nil, fault.Field(part.FormName(), "unknown_field", "There is no such field; send one file and nothing else.")
		}
		if found {
			return "", nil, fault.Field("file", "one_at_a_time", "Send one file at a time.")
		}
		found, name = true, part.FileName()
		if data, err = io.ReadAll(io.LimitReader(part, chat.MaxFile+1)); err != nil {
			return "", nil, uploadFault(err)
		}
		if len(data) > chat.MaxFile {
			return "", nil, tooLarge()
		}
	}
	_ = ctl.SetReadDeadline(time.Time{})
	if len(data) == 0 {
		return "", nil, fault.Field("file", "required", "Send a file that is not empty.")
	}
	return name, data, nil
}

func tooLarge() error {
	return fault.Field("file", "too_large", "The file is larger than %d MB.", chat.MaxFile>>20)
}

func uploadFault(err error) error {
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.New(fault.Invalid, "body_too_slow", "The file did not arrive within %s.", uploadTimeout)
	}
	return fault.New(fault.Invalid, "malformed_form", "The form is not complete.")
}

func (s *Server) customerAttachment(c *gin.Context) error {
	return s.serveFile(c, conversationID(c), false)
}

func (s *Server) agentAttachment(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	return s.serveFile(c, id, true)
}

// serveFile sends a file so that it can do nothing: pictures are shown, everything else is saved, and where a browser takes
// it for a page all the same, the page may load and run nothing.
func (s *Server) serveFile(c *gin.Context, conversation uuid.UUID, internal bool) error {
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	f, err := s.Record.OpenAttachment(c.Request.Context(), conversation, id, internal)
	if err != nil {
		return err
	}
	kind, how := f.MediaType, "attachment"
	if chat.IsPicture(kind) {
		how = "inline"
	}
	if kind == "text/plain" {
		kind += "; charset=utf-8"
	}
	harmless(c)
	c.Header("Content-Disposition", disposition(how, f.Name))
	c.Data(http.StatusOK, kind, f.Data)
	return nil
}

func (s *Server) customerThumbnail(c *gin.Context) error {
	return s.serveThumbnail(c, conversationID(c), false)
}

func (s *Server) agentThumbnail(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	return s.serveThumbnail(c, id, true)
}

// serveThumbnail sends the small copy of a picture, which we have made ourselves.
func (s *Server) serveThumbnail(c *gin.Context, conversation uuid.UUID, internal bool) error {
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	thumb, err := s.Record.OpenThumbnail(c.Request.Context(), conversation, id, internal)
	if err != nil {
		return err
	}
	harmless(c)
	c.Header("Content-Disposition", "inline")
	c.Data(http.StatusOK, http.DetectContentType(thumb), thumb) // one of the two that we make
	return nil
}

// harmless says that a file may load and run nothing, that other sites may not show it, and that only this browser keeps it.
func harmless(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, max-age=86400, immutable") // an id has one content for ever
	h.Set("Vary", "Authorization, Cookie")                      // but not for whoever signs in next in the same browser
}

// disposition names the file for every browser: in ASCII for old ones, in UTF-8 for the others (RFC 6266).
func disposition(how, name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%;`, r) {
			return '_'
		}
		return r
	}, name)
	d := mime.FormatMediaType(how, map[string]string{"filename": plain})
	if plain != name {
		d += "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	}
	return d
}

// cleanFiles reads the ids of files that a message names.
func cleanFiles(ids []string) ([]uuid.UUID, error) {
	if len(ids) > chat.MaxMessageFiles {
		return nil, fault.Field("attachments", "too_many", "A message takes at most %d files.", chat.MaxMessageFiles)
	}
	var files []uuid.UUID
	for i, s := range ids {
		id, err := uuid.Parse(s)
		if err != nil {
			return nil, fault.Field("attachments", "unknown_attachment", "Number %d is not the id of a file.", i+1)
		}
		files = append(files, id)
	}
	return files, nil
}
