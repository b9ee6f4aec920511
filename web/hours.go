package web

// hoursRoutes registers what says when people are there, and sets it.
func (s *Server) hoursRoutes(g groups) {
	g.v1.GET("/contact-options", handle(s.contactOptions))
}
