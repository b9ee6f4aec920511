package llm

import openai "github.com/sashabaranov/go-openai"

// Usage is what a call consumed.
type Usage struct {
	PromptTokens     int
	CompletionTokens int
	Estimated        bool    // the provider sent no count; see estimateTokens
	Cost             float64 // from Config's prices; 0 when they are not set
}

// estimateTokens guesses a token count from a text: four ASCII characters to a token, as OpenAI's own rule of thumb has
// it, and two tokens for three other characters, which suits accented Latin badly and Chinese or Arabic about right. It
// serves budgets, not invoices.
func estimateTokens(texts ...string) int {
	ascii, other := 0, 0
	for _, s := range texts {
		for i := 0; i < len(s); i++ {
			switch b := s[i]; {
			case b < 0x80:
				ascii++
			case b >= 0xC0: // the first byte of a character
				other++
			}
		}
	}
	return (ascii+3)/4 + (other*2+2)/3
}

func (c *Client) usage(sent *openai.Usage, r Request, answer func() int) Usage {
	var u Usage
	if sent != nil && sent.PromptTokens+sent.CompletionTokens > 0 {
		u.PromptTokens, u.CompletionTokens = sent.PromptTokens, sent.CompletionTokens
	} else {
		texts := make([]string, 0, len(r.Messages)+1)
		texts = append(texts, r.System)
		for _, m := range r.Messages {
			texts = append(texts, m.Content)
		}
		// Chat templates add about four tokens a message.
		u = Usage{PromptTokens: estimateTokens(texts...) + 4*len(texts), CompletionTokens: answer(), Estimated: true}
	}
	u.Cost = (float64(u.PromptTokens)*c.cfg.PromptPrice + float64(u.CompletionTokens)*c.cfg.CompletionPrice) / 1e6
	return u
}
