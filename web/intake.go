package web

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/handoff"
)

// maxIntake bounds what a customer says of a purchase or a case, in characters.
const maxIntake = 200

// giveIntake takes what the customer was asked for while they wait. An empty body says: do not ask.
func (s *Server) giveIntake(c *gin.Context) error {
	var in struct {
		Email     string `json:"email"`
		Purchase  string `json:"purchase"`
		Reference string `json:"reference"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	given := map[string]string{}
	var err error
	if given[handoff.IntakeEmail], err = cleanText("email", in.Email, maxIntake, false); err != nil {
		return err
	}
	if e := given[handoff.IntakeEmail]; e != "" {
		if given[handoff.IntakeEmail], err = cleanEmail("email", e); err != nil {
			return err
		}
	}
	if given[handoff.IntakePurchase], err = cleanText("purchase", in.Purchase, maxIntake, false); err != nil {
		return err
	}
	if given[handoff.IntakeReference], err = cleanText("reference", in.Reference, maxIntake, false); err != nil {
		return err
	}
	if err := s.Desk.GiveIntake(c.Request.Context(), conversationID(c), given); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
