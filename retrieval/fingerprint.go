package retrieval

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/firstline/firstline/retrieval/analysis"
)

// Version names the logic of retrieval that its constants do not show; raise it when the same articles and the same
// question would give other passages or features. A test knows what the present one gives.
const Version = 6

// Fingerprint identifies how passages are found and judged: the analysis, the constants of scoring and judging and the
// version of the code. It is the same for every process that would give the same features.
func Fingerprint() string {
	return digest("%d %d %+v %v %v %v %v %v %+v", Version, analysis.Version, serving, confidence, answerable, shareTemperature,
		[...]int{candidateArticles, candidateSections, candidateLimit, commonGram, maxMatched, exactAsks, neighbours}, BuiltinDimensions, BuiltinModel)
}

// Fingerprint identifies how this searcher finds and judges passages: as Fingerprint, with its embedding model and the
// weight that was set for it.
func (s *Searcher) Fingerprint() string {
	return digest("%s %q %d %v", Fingerprint(), s.opts.Model, s.opts.Dimensions, s.opts.Weight)
}

func digest(format string, args ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, format, args...))
	return hex.EncodeToString(sum[:6])
}
