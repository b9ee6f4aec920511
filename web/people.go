package web

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// peopleRoutes registers what people do about themselves.
func (s *Server) peopleRoutes(g groups) {
	g.agent.GET("/me", handle(s.me))
	g.agent.POST("/signout", handle(s.signOut))
}

func (s *Server) me(c *gin.Context) error { return ok(c, http.StatusOK, currentAgent(c)) }

func (s *Server) signOut(c *gin.Context) error {
	if err := s.Desk.SetPresence(c.Request.Context(), currentAgent(c), "offline"); err != nil {
		return err
	}
	if secret, err := c.Cookie(sessionCookie); err == nil {
		if err := s.Auth.SignOut(c.Request.Context(), secret); err != nil {
			return err
		}
	}
	http.SetCookie(c.Writer, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteStrictMode})
	c.Status(http.StatusNoContent)
	return nil
}
