package customer

import (
	"strconv"
	"strings"
	"time"

	"github.com/firstline/firstline/internal/fault"
)

// Keep is how long things are kept; 0 is until somebody has them deleted.
type Keep struct {
	Conversations time.Duration // since anything was last written in one
	Files         time.Duration // since they were sent
}

// ParseKeep reads a setting such as conversations=365d, files=90d.
func ParseKeep(setting map[string]string) (k Keep, err error) {
	for what, text := range setting {
		days, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
		if err != nil || !strings.HasSuffix(text, "d") || days < 1 || days > 36500 {
			return k, fault.Field("FIRSTLINE_KEEP", "malformed", "%s=%s is no number of days; write %s=365d.", what, text, what)
		}
		long := time.Duration(days) * 24 * time.Hour
		switch what {
		case "conversations":
			k.Conversations = long
		case "files":
			k.Files = long
		default:
			return k, fault.Field("FIRSTLINE_KEEP", "unknown", "There is no %q to keep; use conversations and files.", what)
		}
	}
	if k.Conversations > 0 && k.Files > k.Conversations {
		return k, fault.Field("FIRSTLINE_KEEP", "malformed", "Files go with their conversations, so they cannot be kept longer.")
	}
	return k, nil
}
