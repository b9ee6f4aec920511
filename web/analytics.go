package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/fault"
)

// leadRoutes registers what leads see.
func (s *Server) leadRoutes(g groups) {
	g.v1.Group("/analytics", s.signedIn, worksDesk, s.lead).GET("/:report", handle(s.figures))
}

// pastShown is how many days a question means that names none.
const pastShown = 7

// figures answers with one report, as JSON or as a table for spreadsheets.
func (s *Server) figures(c *gin.Context) error {
	q := handoff.Question{Report: c.Param("report"), By: c.Query("by"), Team: c.Query("team"), Zone: c.DefaultQuery("zone", "UTC")}
	where, err := time.LoadLocation(q.Zone)
	if err != nil {
		return fault.Field("zone", "unknown_zone", "Use the name of a time zone such as Europe/Berlin.")
	}
	tomorrow := time.Now().In(where).AddDate(0, 0, 1)
	q.To = time.Date(tomorrow.Year(), tomorrow.Month(), tomorrow.Day(), 0, 0, 0, 0, where)
	if to := c.Query("to"); to != "" {
		if q.To, err = dayOrTime("to", to, where); err != nil {
			return err
		}
		if len(to) == len(time.DateOnly) { // a day is meant to its end
			q.To = q.To.AddDate(0, 0, 1)
		}
	}
	q.From = q.To.AddDate(0, 0, -pastShown)
	if from := c.Query("from"); from != "" {
		if q.From, err = dayOrTime("from", from, where); err != nil {
			return err
		}
	}
	f, err := s.Desk.Figures(c.Request.Context(), currentAgent(c), q)
	if err != nil {
		return err
	}
	c.Header("Vary", "Accept")
	if strings.Contains(c.GetHeader("Accept"), "text/csv") {
		return writeCSV(c, f)
	}
	f.From, f.To = f.From.UTC(), f.To.UTC()
	return ok(c, http.StatusOK, f)
}

// dayOrTime reads a local day or a moment.
func dayOrTime(field, s string, where *time.Location) (time.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, s, where); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fault.Field(field, "not_a_time", "Use a day such as 2027-06-01, or a time such as 2027-06-01T08:00:00Z.")
	}
	return t, nil
}

// writeCSV sends the figures as a table with the total last. Seconds and shares are plain numbers.
func writeCSV(c *gin.Context, f handoff.Figures) error {
	var b strings.Builder
	w := csv.NewWriter(&b)
	head := []string{f.By, "label"}
	for _, col := range f.Columns {
		head = append(head, col.Key)
	}
	if err := w.Write(head); err != nil {
		return err
	}
	f.Total.Key, f.Total.Label = "", "total"
	for _, r := range append(f.Rows, f.Total) {
		line := []string{cell(r.Key), cell(r.Label)}
		for _, col := range f.Columns {
			v := r.Values[col.Key]
			if v == nil {
				line = append(line, "")
				continue
			}
			line = append(line, strconv.FormatFloat(*v, 'f', -1, 64))
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	c.Header("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-by-%s.csv"`, f.Report, f.By))
	c.Data(http.StatusOK, "text/csv; charset=utf-8", []byte(b.String()))
	return nil
}

// cell keeps a spreadsheet from taking a name for a formula.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
