package web

// leadRoutes registers what leads see; there is nothing yet.
func (s *Server) leadRoutes(groups) {}
