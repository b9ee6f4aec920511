package retrieval

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/firstline/firstline/retrieval/analysis"
)

// Version names the logic of retrieval that its constants do not show; raise it when the same articles and the same
// question would give other passages or features.
const Version = 2

// Fingerprint identifies how passages are found and judged: the analysis, the constants of scoring and the version of
// the code. It is the same for every process that would give the same features.
func Fingerprint() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %+v %+v", Version, analysis.Version, serving, BuiltinModel))
	return hex.EncodeToString(sum[:6])
}
