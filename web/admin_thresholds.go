package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/fault"
)

// ThresholdSource knows how sure an answer must be at present.
type ThresholdSource interface {
	InForce(ctx context.Context) (Thresholds, error)
}

// Thresholds are those in force, and what they rest on.
type Thresholds struct {
	Bars        map[string]float64     // in force, by topic group
	Own         map[string]float64     // an admin's own, by topic group
	Certified   map[string]bool        // groups in which the one in force is certified
	Certificate *assistant.Certificate // the newest; nil where there is none
	Void        string                 // why it does not hold for what runs here; "" when it does
}

// Where a threshold comes from.
const (
	fromPrior       = "prior"       // conservative, by what a wrong answer costs
	fromCertificate = "certificate" // measured, whether or not the measurement was enough to certify it
	fromAdmin       = "admin"       // FIRSTLINE_THRESHOLDS
)

// thresholdView is a group's threshold and what the certificate says of the group.
type thresholdView struct {
	Group     string       `json:"group"`
	Threshold float64      `json:"threshold"` // in force
	Source    string       `json:"source"`
	Certified bool         `json:"certified"` // the one in force
	Measured  *measureView `json:"measured"`  // by the certificate; null without one
}

// measureView is what labelled questions say of a threshold.
type measureView struct {
	Threshold float64 `json:"threshold"`
	Certified bool    `json:"certified"`
	Budget    float64 `json:"budget"`
	Cases     int     `json:"cases"`
	Answered  int     `json:"answered"`
	Wrong     int     `json:"wrong"`
	Upper     float64 `json:"upper"`
	Why       string  `json:"why"`
}

type certificateView struct {
	Name   string          `json:"name"`
	Made   time.Time       `json:"made"`
	Fitted int             `json:"fitted"` // labelled questions that the weights were fitted on
	Basis  assistant.Basis `json:"basis"`
	Holds  bool            `json:"holds"`
	Void   string          `json:"void"`
}

type thresholdsView struct {
	Certificate *certificateView `json:"certificate"`
	Groups      []thresholdView  `json:"groups"`
	Pooled      *measureView     `json:"pooled"`
}

func (s *Server) thresholds(c *gin.Context) error {
	v, err := s.thresholdsNow(c.Request.Context())
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, v)
}

func (s *Server) thresholdsNow(ctx context.Context) (thresholdsView, error) {
	if s.InForce == nil {
		return thresholdsView{}, fault.New(fault.Unavailable, "thresholds_unknown", "This process does not know its thresholds.")
	}
	t, err := s.InForce.InForce(ctx)
	if err != nil {
		return thresholdsView{}, err
	}
	return viewThresholds(t), nil
}

func viewThresholds(t Thresholds) thresholdsView {
	v := thresholdsView{Groups: []thresholdView{}}
	cert := t.Certificate
	if cert != nil {
		v.Certificate = &certificateView{cert.Name(), cert.Made, cert.Fitted, cert.Basis, t.Void == "", t.Void}
		v.Pooled = measured(cert, assistant.Pooled)
	}
	for _, g := range assistant.Groups {
		x := thresholdView{Group: g, Threshold: t.Bars[g], Source: fromPrior, Certified: t.Certified[g], Measured: measured(cert, g)}
		if x.Measured != nil && t.Void == "" {
			x.Source = fromCertificate
		}
		if _, own := t.Own[g]; own {
			x.Source = fromAdmin
		}
		v.Groups = append(v.Groups, x)
	}
	return v
}

func measured(c *assistant.Certificate, group string) *measureView {
	if c == nil {
		return nil
	}
	b, found := c.Groups[group]
	if !found {
		return nil
	}
	return &measureView{b.Threshold, b.Certified, b.Budget, b.Cases, b.Answered, b.Wrong, b.Upper, b.Why}
}

// Words says in a sentence what the threshold rests on, for people.
func (t thresholdView) Words() string {
	switch {
	case t.Source == fromAdmin && t.Certified:
		return "Set by an admin (FIRSTLINE_THRESHOLDS). It is at least as strict as the certified threshold."
	case t.Source == fromAdmin:
		return "Set by an admin (FIRSTLINE_THRESHOLDS). Nobody has certified it."
	case t.Source == fromPrior:
		return "A cautious starting value: from here on answering costs less than a person's time, by what a wrong answer does in this group. Nothing was measured for it."
	case t.Certified:
		return fmt.Sprintf("Certified: of %d labelled questions %d are answered from here on, %d of them wrongly. With 95\u00a0%% confidence at most %s of answers are wrong; %s are allowed.",
			t.Measured.Cases, t.Measured.Answered, t.Measured.Wrong, percent(t.Measured.Upper), percent(t.Measured.Budget))
	}
	return fmt.Sprintf("Measured, and not certified. Of %d labelled questions %d are answered from here on, %d of them wrongly, but that is too little to promise at most %s. Why: %s.",
		t.Measured.Cases, t.Measured.Answered, t.Measured.Wrong, percent(t.Measured.Budget), strings.TrimPrefix(t.Measured.Why, "not certified: "))
}

// groupTitles say what the groups are of.
var groupTitles = map[string]string{assistant.Money: "Money", assistant.Normal: "Normal", assistant.HowTo: "How-to"}

// Title is the group's name for people.
func (t thresholdView) Title() string { return groupTitles[t.Group] }

// Most is the upper bound for people.
func (m measureView) Most() string { return percent(m.Upper) }

// Allowed is the budget for people.
func (m measureView) Allowed() string { return percent(m.Budget) }

// percent writes a share as people read it.
func percent(share float64) string { return fmt.Sprintf("%.3g\u00a0%%", 100*share) }
