package parser

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/abadojack/whatlanggo"
)

// headerLanguages are what Content-Language and Accept-Language ask for, as
// ISO 639-1 codes in their order.
func headerLanguages(h *header) []string {
	var list []string
	for _, name := range []string{"content-language", "accept-language"} {
		for tag := range strings.SplitSeq(h.get(name), ",") {
			tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";")
			code, _, _ := strings.Cut(strings.ToLower(tag), "-")
			if len(code) == 2 && isLetters(code) && len(list) < 10 && !contains(list, code) {
				list = append(list, code)
			}
		}
	}
	return list
}

func isLetters(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == ""
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// languageSample is how many bytes of a text are looked at, and trigramSample
// how many of them for trigrams, which cost the most and know by then.
const (
	languageSample = 2_000
	trigramSample  = 600
)

// lettersEach is for how many letters a text has at least one small word, if it
// is sentences and not names, numbers and codes, in which trigrams find nothing.
// Sentences have one for some twenty letters.
const lettersEach = 100

// detectLanguage is the ISO 639-1 code of a text, or "" when it is too short
// to tell. Scripts of one language tell at once; others by their small words,
// which even two lines have; between the languages that small words leave
// possible, trigrams decide. A text without any small word is none that we
// could answer in. asked breaks ties.
func detectLanguage(text string, asked []string) string {
	sample := shorten(text, languageSample)
	letters := countScripts(sample)
	if code := letters.language(); code != "" {
		return code
	}
	if letters.total < 4 {
		return ""
	}
	words := countSmallWords(sample)
	best, second := words.first(asked)
	switch {
	case best.hits >= 2 && best.hits > second.hits:
		return best.code
	case best.hits == 1 && second.hits == 0 && contains(asked, best.code):
		return best.code
	case letters.total < 80 || second.hits == 0 || best.hits*lettersEach < letters.total:
		return ""
	}
	return byTrigrams(shorten(sample, trigramSample), words.possible())
}

// byTrigrams tells which of some languages a text is in, or "" when they do not
// differ enough.
func byTrigrams(text string, possible map[whatlanggo.Lang]bool) string {
	info := whatlanggo.DetectWithOptions(text, whatlanggo.Options{Whitelist: possible})
	if len(possible) < 2 || !info.IsReliable() {
		return ""
	}
	for code, lang := range trigramLanguages {
		if lang == info.Lang {
			return code
		}
	}
	return ""
}

// scripts counts the letters of a text by how they are written.
type scripts struct {
	total, latin, cyrillic, han, kana, hangul, arabic, hebrew, greek, thai, devanagari int

	// letters that only some languages of a script have
	ukrainian, bulgarian, russian, serbian, persian int
}

func countScripts(s string) (n scripts) {
	for _, r := range s {
		if r < 0x80 {
			if r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
				n.total++
				n.latin++
			}
			continue
		}
		if !unicode.IsLetter(r) {
			continue
		}
		n.total++
		switch {
		case r < 0x250 || r >= 0x1E00 && r < 0x1F00:
			n.latin++
		case r >= 0x370 && r < 0x400:
			n.greek++
		case r >= 0x400 && r < 0x530:
			n.cyrillicLetter(r)
		case r >= 0x590 && r < 0x600:
			n.hebrew++
		case r >= 0x600 && r < 0x700:
			n.arabic++
			if strings.ContainsRune("پچژگکی", r) {
				n.persian++
			}
		case r >= 0x900 && r < 0x980:
			n.devanagari++
		case r >= 0xE00 && r < 0xE80:
			n.thai++
		case r >= 0x3040 && r < 0x3100:
			n.kana++
		case r >= 0xAC00 && r < 0xD7B0 || r >= 0x1100 && r < 0x1200:
			n.hangul++
		case unicode.Is(unicode.Han, r):
			n.han++
		}
	}
	return n
}

func (n *scripts) cyrillicLetter(r rune) {
	n.cyrillic++
	switch unicode.ToLower(r) {
	case 'і', 'ї', 'є', 'ґ':
		n.ukrainian++
	case 'ы', 'э', 'ё':
		n.russian++
	case 'ъ':
		n.bulgarian++
	case 'ј', 'љ', 'њ', 'ћ', 'ђ', 'џ':
		n.serbian++
	}
}

// language is the code where the script alone tells.
func (n *scripts) language() string {
	most := func(k int) bool { return k >= 2 && k*2 > n.total }
	switch {
	case n.kana > 0 && most(n.kana+n.han):
		return "ja"
	case most(n.hangul):
		return "ko"
	case most(n.han) || n.han >= 10 && n.han*3 > n.total:
		return "zh"
	case most(n.greek):
		return "el"
	case most(n.hebrew):
		return "he"
	case most(n.thai):
		return "th"
	case most(n.devanagari):
		return "hi"
	case most(n.arabic) && n.persian*8 > n.arabic:
		return "fa"
	case most(n.arabic):
		return "ar"
	case most(n.cyrillic):
		return n.cyrillicLanguage()
	}
	return ""
}

func (n *scripts) cyrillicLanguage() string {
	switch {
	case n.serbian > n.russian && n.serbian > n.ukrainian:
		return "sr"
	case n.ukrainian > n.russian:
		return "uk"
	case n.bulgarian > 1 && n.bulgarian > n.russian*2:
		return "bg"
	case n.cyrillic >= 6:
		return "ru"
	}
	return ""
}

// smallWords are words of each language that others seldom have. A word that
// several share counts for each.
var smallWords = map[string]string{
	"en": "the and is are was were have has had not you your we our they this that with from will would can could please thank thanks hello hi when what where how why been there their my do does did but if it's i'm don't just any it of to for on be as at by get need working",
	"fr": "le la les des une est et ou où que qui dans pour pas vous votre vos nous notre nos je j'ai mon ma mes avec sur au aux ce cette ces sont été être bonjour merci cordialement ne plus mais si tout comme faire a à du depuis c'est n'est avons avez pouvez",
	"de": "der die das und ist sind nicht ich sie wir ihr ihre mit für auf ein eine einen einem einer bei von zu zum zur den dem des es wie was kann können bitte danke vielen hallo guten tag mein meine haben habe hat wird werden wurde auch noch aber oder wenn als im am grüße grüßen freundlichen uns",
	"es": "el los las una es y o que en para por con no su sus mi nos nuestro se lo le les está están fue son hola gracias buenos días pero como cuando donde más muy este esta he ha hemos pueden puede favor saludos del al yo",
	"pt": "o os as um uma é e ou que em para por com não seu sua nos nosso se está estão foi são olá obrigado obrigada bom dia mas como quando onde mais muito este esta isso você do da dos das no na ao meu minha tenho tem temos favor já também",
	"it": "il lo gli una è e o che in per con non suo sua ci nostro si sono stato ciao grazie buongiorno ma come quando dove più molto questo questa ho ha abbiamo potete può della del delle dei nel alla al di da mio mia cordiali saluti vi anche",
	"nl": "de het een en is zijn niet ik u uw wij we ons onze met voor op van te dat die deze dit er maar als wat waar hoe kan kunnen graag bedankt dank groet groeten hallo beste heb heeft hebben wordt worden mijn naar bij ook nog geen je jij aan om",
	"sv": "och är inte jag vi du ni er för med på av att det den en ett som har hade kan kunde men om när var hur tack hej hälsningar min mitt mina vår våra från till skulle detta denna också eller",
	"da": "og er ikke jeg vi du i for med på af at det den en et som har havde kan kunne men hvis når hvor hvordan tak hej hilsen venlig min mit mine vores fra til skulle dette denne også eller jer",
	"no": "og er ikke jeg vi du dere for med på av at det den en et som har hadde kan kunne men hvis når hvor hvordan takk hei hilsen vennlig min mitt mine vår fra til skulle dette denne også eller meg",
	"fi": "ja on ei en olen minä me te se että kun jos mutta tai kiitos hei terveisin voi voitte voisitteko ovat oli ollut tämä tämän mikä missä miten kanssa niin myös vielä sekä minun meidän teidän kuin",
	"pl": "i jest są nie się na w z do że to jak ale czy proszę dziękuję dzień dobry witam mam mamy nie mogę można pozdrawiam dla od po przez moje mój moja jestem był była było będzie które który oraz za",
	"cs": "a je jsou není se na v z do že to jak ale nebo prosím děkuji dobrý den mám máme nemohu můžete pozdravem pro od po přes můj moje jsem byl byla bylo bude které který který když ze jsme ne",
	"sk": "a je sú nie sa na v z do že to ako ale alebo prosím ďakujem dobrý deň mám máme nemôžem môžete pozdravom pre od po cez môj moje som bol bola bolo bude ktoré ktorý keď zo sme",
	"hu": "a az és nem hogy is van egy de ha vagy ez azt már csak meg kérem köszönöm üdvözlettel tisztelt volt lesz vagyok vagyunk nincs kell lehet nekem mert ami mint önök szia helló",
	"ro": "și si este sunt nu că cu de la în pe pentru un o să am are avem dar dacă când unde cum mulțumesc bună ziua vă rog stimate meu mea al ale fost mai sau din care această acest",
	"tr": "ve bir bu için ile değil mi var yok ben biz siz çok ama gibi daha olarak olan lütfen teşekkürler teşekkür ederim merhaba iyi günler nasıl ne zaman saygılarımla benim sizin oldu olduğu kadar sonra",
	"hr": "i je su nije se na u s sa da za od do što kako ali ili molim hvala pozdrav dobar dan imam imamo mogu možete moj moja sam bio bila bilo će koji koja koje kada smo",
	"sl": "in je so ni se na v z s da za od do kaj kako ampak ali prosim hvala pozdrav dober dan imam imamo lahko moj moja sem bil bila bilo bo ki kdaj smo tudi pri",
	"lt": "ir yra nėra ne su į iš kad tai kaip bet ar prašau ačiū laba diena sveiki turiu galite mano jūsų buvo bus kuris kuri nuo dėl pagarbiai",
	"lv": "un ir nav ar uz no ka tas kā bet vai lūdzu paldies labdien sveiki man jūsu bija būs kas par ar cieņu mēs es nevaru",
	"et": "ja on ei see et kui aga või palun aitäh tere tänan mul meil teie minu oli on mis kus kuidas lugupidamisega saan olen meie ning ka",
	"ca": "el la els les una és i o que en per amb no el seu ens nostre són hola gràcies bon dia però com quan on més molt aquest aquesta he ha hem podeu salutacions del al meu meva",
	"vi": "và là của có không cho được tôi chúng bạn anh chị với này đã sẽ các những một xin chào cảm ơn khi nào như thế nào ở trong từ đến",
	"id": "dan yang di ini itu tidak dengan untuk dari ke saya kami anda ada akan bisa dapat mohon terima kasih selamat pagi siang adalah pada sudah belum juga atau tolong",
	"is": "og er ekki ég við þú það að í á með fyrir en um ef sem hefur var takk halló góðan daginn kveðja minn mín ykkar okkar",
	"af": "die en is nie ek ons jy u 'n van met vir op in dat dit wat hoe asseblief dankie hallo groete het was sal kan my om te",
}

// smallWordLanguages are the codes of smallWords in their order, and smallWordOf
// tells in which of them a word is one.
var smallWordLanguages, smallWordOf = func() ([]string, map[string][]uint8) {
	codes := slices.Sorted(maps.Keys(smallWords))
	of := map[string][]uint8{}
	for i, code := range codes {
		for w := range strings.FieldsSeq(smallWords[code]) {
			if !slices.Contains(of[w], uint8(i)) {
				of[w] = append(of[w], uint8(i))
			}
		}
	}
	return codes, of
}()

// longestSmallWord is how many bytes the longest of them has; longer ones need
// not be looked up.
var longestSmallWord = func() (n int) {
	for w := range smallWordOf {
		n = max(n, len(w))
	}
	return n
}()

// smallWordLengths has a bit for each length of those that begin with a byte: most
// words need not be looked up.
var smallWordLengths = func() (lengths [256]uint64) {
	for w := range smallWordOf {
		lengths[w[0]] |= 1 << len(w)
	}
	return lengths
}()

// maxLanguages is more than smallWords has.
const maxLanguages = 64

// wordCount is how many small words a text has, by smallWordLanguages.
type wordCount [maxLanguages]uint16

// countSmallWords looks at each word of a text.
func countSmallWords(s string) (n wordCount) {
	var word [64]byte
	lower := word[:0]
	for i := 0; i < len(s); {
		r, size := rune(lowerInWord[s[i]]), 1 // of ASCII; 0 for what is in no word
		if s[i] >= utf8.RuneSelf {
			if r, size = utf8.DecodeRuneInString(s[i:]); !unicode.IsLetter(r) {
				r = 0
			}
		}
		i += size
		switch {
		case r == 0:
			n.word(lower)
			lower = lower[:0]
		case len(lower) <= longestSmallWord:
			lower = appendLower(lower, r)
		}
	}
	n.word(lower)
	return n
}

// lowerInWord are the bytes that stand in words, in lower case.
var lowerInWord = func() (lower [256]byte) {
	for c := range rune(utf8.RuneSelf) {
		if inWord(c) {
			lower[c] = byte(unicode.ToLower(c))
		}
	}
	return lower
}()

func appendLower(b []byte, r rune) []byte {
	if r < 0x80 {
		if r <= 'Z' && r >= 'A' {
			r += 'a' - 'A'
		}
		return append(b, byte(r))
	}
	if r >= 'À' && r <= 'Þ' && r != '×' {
		r += 'à' - 'À'
	}
	if r < 0x100 {
		return utf8.AppendRune(b, r)
	}
	return utf8.AppendRune(b, unicode.ToLower(r))
}

func (n *wordCount) word(lower []byte) {
	if len(lower) == 0 || smallWordLengths[lower[0]]>>len(lower)&1 == 0 {
		return
	}
	for _, i := range smallWordOf[string(lower)] {
		n[i]++
	}
}

type languageCount struct {
	code string
	hits int
}

// first gives the two languages with the most small words. A language that was
// asked for wins a tie; else the one that comes first by its code.
func (n *wordCount) first(asked []string) (best, second languageCount) {
	for i, code := range smallWordLanguages {
		if n[i] == 0 {
			continue
		}
		switch c := (languageCount{code, int(n[i])*4 + weight(code, asked)}); {
		case c.hits > best.hits:
			best, second = c, best
		case c.hits > second.hits:
			second = c
		}
	}
	best.hits, second.hits = (best.hits+3)/4, second.hits/4
	return best, second
}

// possible are the languages that a text has small words of.
func (n *wordCount) possible() map[whatlanggo.Lang]bool {
	langs := map[whatlanggo.Lang]bool{}
	for i, code := range smallWordLanguages {
		if lang, known := trigramLanguages[code]; known && n[i] > 0 {
			langs[lang] = true
		}
	}
	return langs
}

// trigramLanguages are the languages of smallWords that have trigrams. (The
// module makes its table of codes anew for each that it is asked for.)
var trigramLanguages = func() map[string]whatlanggo.Lang {
	m := map[string]whatlanggo.Lang{}
	for lang := range whatlanggo.Langs {
		if code := lang.Iso6391(); smallWords[code] != "" {
			m[code] = lang
		}
	}
	return m
}()

func weight(code string, asked []string) int {
	if contains(asked, code) {
		return 2
	}
	return 0
}

func inWord(r rune) bool {
	if r < 0x80 {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '\''
	}
	return unicode.IsLetter(r)
}

func notInWord(r rune) bool { return !inWord(r) }
