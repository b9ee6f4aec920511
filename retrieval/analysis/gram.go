package analysis

import "unicode/utf8"

// The shortest and longest n-gram, in characters. Three is the least that says something about a word, and five spans
// most stems; longer ones repeat what words say.
const (
	MinGram = 3
	MaxGram = 5
)

// Grams calls yield with the hash of each character n-gram of a folded token, its borders included as a character, so
// that beginnings and endings differ from middles. Pairs of scripts without spaces give themselves and their characters.
func Grams(folded string, pair bool, yield func(uint64)) {
	if pair {
		yield(Hash(folded))
		for i := 0; i < len(folded); {
			_, n := utf8.DecodeRuneInString(folded[i:])
			yield(Hash(folded[i : i+n]))
			i += n
		}
		return
	}
	var buf [96]byte
	var starts [72]uint8 // where each character begins, and the end
	b := append(buf[:0], ' ')
	count := 0
	starts[0] = 0
	count++
	for _, r := range folded {
		if len(b) > 80 || count > 66 {
			break // nobody writes words this long; a pasted key is cut
		}
		starts[count] = uint8(len(b))
		count++
		b = utf8.AppendRune(b, r)
	}
	starts[count] = uint8(len(b))
	count++
	b = append(b, ' ')
	starts[count] = uint8(len(b))
	for n := MinGram; n <= MaxGram; n++ {
		for i := 0; i+n <= count; i++ {
			yield(hash(b[starts[i]:starts[i+n]]))
		}
	}
}

// Hash is FNV-1a of 64 bits with a final mix, so that low bits are as good as high ones. Vectors are stored that depend
// on it: it must never change under the same Version.
func Hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

func hash(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return mix(h)
}

// mix is the finaliser of MurmurHash3.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
