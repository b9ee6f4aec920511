package triage

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:embed rules_ar.txt
var arabicRules string

// Arabic is written with and without vowel signs, with several forms of one letter, and with small words joined to the front of
// others. The rules know one spelling; these functions bring the others to it. Nothing here touches another script.

// arabicFolds are letters and digits that stand for one another in what people type.
var arabicFolds = map[rune]string{
	'أ': "ا", 'إ': "ا", 'آ': "ا", 'ٱ': "ا", 'ى': "ي", 'ی': "ي", 'ئ': "ي", 'ؤ': "و", 'ة': "ه", 'ک': "ك",
	'٠': "0", '١': "1", '٢': "2", '٣': "3", '٤': "4", '٥': "5", '٦': "6", '٧': "7", '٨': "8", '٩': "9",
	'۰': "0", '۱': "1", '۲': "2", '۳': "3", '۴': "4", '۵': "5", '۶': "6", '۷': "7", '۸': "8", '۹': "9",
}

func init() {
	for r, f := range arabicFolds {
		folds[r] = f
	}
}

// arabicSign reports whether a rune is a vowel sign or the stroke that stretches a word: neither changes what it says.
func arabicSign(r rune) bool {
	return r == 'ـ' || r >= 0x064b && r <= 0x065f || r == 0x0670 || r >= 0x0610 && r <= 0x061a || r >= 0x06d6 && r <= 0x06ed && unicode.IsMark(r)
}

// arabicForms returns a word of the rules with what Arabic joins to its front; only the word where it is of another script or short.
func arabicForms(w string) []string {
	bare := strings.TrimSuffix(w, "*")
	first, _ := utf8.DecodeRuneInString(bare)
	if !unicode.Is(unicode.Arabic, first) || utf8.RuneCountInString(bare) < 3 {
		return []string{w}
	}
	if rest, ok := strings.CutPrefix(w, "ال"); ok && utf8.RuneCountInString(rest) > 2 {
		return []string{w, "و" + w, "ف" + w, "ب" + w, "لل" + rest}
	}
	return []string{w, "و" + w, "ف" + w, "ب" + w, "ل" + w, "ال" + w, "وال" + w, "بال" + w, "لل" + w}
}

// The words of the guards (cue.go) in Arabic.
var arabicGuards = []struct {
	set   map[string]bool
	words string
}{
	{negators, "لا ما لم لن ليس ليست لست مو مش مب بدون دون بلا مابي مابغي ماعاد"},
	{carriers, "اريد نريد ابغي ابغا ابي عايز عاوز بدي ودي احتاج محتاج بحاجه حاجه داعي اود ارغب احب ان الي مع في يلزم لازم ضروري احد اي طلبت اطلب"},
	{modalsBefore, "هل لماذا ليش لمذا ليه كيف الا ممكن يمكن"},
	{reporting, "قال قالت قالوا اخبرني اخبرتني اخبروني نصحني نصحتني نصحوني قيل يقول تقول طلبوا"},
	{resumes, "لكن ولكن الان اريد من لو ممكن هل بس"},
	{selves, "انا اني لي عندي نحن انني نفسي حياتي لدي زوجي زوجتي امي والدي والدتي ابني ابنتي فقدت خسرت عملي وظيفتي"},
	{things, "الطرد الشحنه الطلب طردي طلبي هاتفي جوالي البطاريه الجوال التطبيق المتجر البايع الحاسوب خصم"},
	{spanWords, "عميل زبون خبره عندكم معكم متزوج منذ"},
}

func init() {
	for _, g := range arabicGuards {
		for w := range strings.FieldsSeq(g.words) {
			g.set[w] = true
		}
	}
	duty = append(duty, []string{"هل", "يجب", "ان"}, []string{"هل", "يجب", "علي"}, []string{"هل", "علي", "ان"}, []string{"هل", "يلزمني"}, []string{"هل", "لازم"}, []string{"هل"}, []string{"لازم"})
	for _, w := range []string{"ان", "اولا"} {
		dutyFillers[w] = true
	}
}
