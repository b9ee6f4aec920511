package handoff

import "github.com/google/uuid"

// Colleague is an agent as others see them at the desk.
type Colleague struct {
	ID       uuid.UUID `json:"id"`
	Name     string    `json:"name"`
	Presence string    `json:"presence"` // offline as well when the connection is gone
	Load     int       `json:"load"`
	Capacity int       `json:"capacity"`
}
