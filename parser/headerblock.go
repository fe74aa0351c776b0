package parser

import (
	"strings"
	"unicode"
)

// headerLabels are the names of fields in the block that programs copy above a
// quoted or forwarded mail. Kinds: f from, t to, c copy, d when it was sent,
// D any date, s subject, r reply-to, i others. In lower case, without the colon.
var headerLabels = map[string]byte{
	// English
	"from": 'f', "to": 't', "cc": 'c', "bcc": 'c', "date": 'D', "sent": 'd', "subject": 's', "reply-to": 'r', "reply to": 'r',
	"sender": 'f', "sent at": 'd', "sent by": 'f', "to whom": 't', "importance": 'i', "attachments": 'i', "organization": 'i', "resent-from": 'i',
	"date sent": 'd', "recipient": 't', "recipients": 't', "copy": 'c', "priority": 'i', "received": 'd', "message-id": 'i', "sent on": 'd', "posted at": 'd',
	// German
	"von": 'f', "an": 't', "gesendet": 'd', "datum": 'D', "betreff": 's', "kopie": 'c', "kopie (cc)": 'c', "antwort an": 'r', "absender": 'f',
	"empfänger": 't', "wichtigkeit": 'i', "gesendet am": 'd', "anlagen": 'i', "bis": 't', "priorität": 'i', "titel": 's',
	// French
	"de": 'f', "à": 't', "a": 't', "envoyé": 'd', "envoyé le": 'd', "objet": 's', "sujet": 's', "copie à": 'c', "copie": 'c', "expéditeur": 'f',
	"destinataire": 't', "message du": 'd', "répondre à": 'r', "date d'envoi": 'd', "envoyé à": 't', "pour": 't', "envoyée": 'd', "pièces jointes": 'i',
	"destinataires": 't', "date de": 'd',
	// Spanish
	"para": 't', "enviado": 'd', "enviado el": 'd', "fecha": 'D', "asunto": 's', "remitente": 'f', "destinatario": 't', "responder a": 'r',
	"enviado por": 'f', "copia": 'c', "enviado em": 'd', "cco": 'c', "importancia": 'i', "datos adjuntos": 'i', "copia para": 'c',
	// Portuguese
	"assunto": 's', "data": 'D', "enviada": 'd', "enviada em": 'd', "enviada a": 'd', "remetente": 'f', "responder para": 'r', "destinatário": 't',
	"enviado a": 'd', "com cópia": 'c', "cópia": 'c', "anexos": 'i',
	// Italian
	"da": 'f', "inviato": 'd', "oggetto": 's', "mittente": 'f', "inviata": 'd', "rispondi a": 'r', "per": 't', "inviato il": 'd', "data invio": 'd',
	"allegati": 'i', "per conoscenza": 'c', "ccn": 'c', "al": 't',
	// Dutch
	"van": 'f', "aan": 't', "verzonden": 'd', "onderwerp": 's', "afzender": 'f', "antwoord aan": 'r', "beantwoorden": 'r', "verstuurd": 'd',
	"verzonden op": 'd', "ontvanger": 't', "bijlagen": 'i', "antwoorden aan": 'r', "antwoord-aan": 'r',
	// Danish, Norwegian, Swedish
	"fra": 'f', "til": 't', "sendt": 'd', "emne": 's', "dato": 'D', "från": 'f', "till": 't', "skickat": 'd', "ämne": 's', "kopia": 'c',
	"svar til": 'r', "avsändare": 'f', "svar till": 'r', "sendt den": 'd', "kopi": 'c', "mottaker": 't', "avsender": 'f', "svara till": 'r',
	"svara": 'r', "modtager": 't', "vedhæftede filer": 'i',
	// Finnish
	"lähettäjä": 'f', "vastaanottaja": 't', "lähetetty": 'd', "aihe": 's', "päivämäärä": 'D', "kopio": 'c', "vastausosoite": 'r', "päiväys": 'D',
	"otsikko": 's', "vastaus": 'r', "vastaa": 'r', "pvm": 'D',
	// Polish
	"od": 'f', "do": 't', "wysłano": 'd', "temat": 's', "dw": 'c', "nadawca": 'f', "odbiorca": 't', "wysłany": 'd', "data wysłania": 'd',
	"adresat": 't', "adresaci": 't', "udw": 'c', "odpowiedź do": 'r', "dodatkowe odpowiedzi": 'r', "wiadomość napisana przez": 'f', "kopia do": 'c',
	"wysłane": 'd',
	// Czech, Slovak
	"komu": 't', "odesláno": 'd', "předmět": 's', "odoslané": 'd', "predmet": 's', "dátum": 'D', "kopie komu": 'c', "odesílatel": 'f', "odesílate": 'f',
	"příjemce": 't', "odosielateľ": 'f', "odoslal": 'f', "posláno": 'd', "odpověď na": 'r', "odpovědět komu": 'r', "odpoveď": 'r', "příjemci": 't',
	"kópia": 'c', "odosielate": 'f', "prijímateľ": 't', "odeslal": 'f', "odeslána": 'd', "odoslaná": 'd', "odpověď": 'r', "odoslať odpoveď": 'r',
	"dňa": 'd',
	// Hungarian
	"feladó": 'f', "címzett": 't', "küldve": 'd', "elküldve": 'd', "tárgy": 's', "küldte": 'f', "küldési dátum": 'd', "másolat": 'c', "válaszcím": 'r',
	"másolatot kap": 'c', "dátuma": 'd', "kapja": 't', "felado": 'f', "címzettek": 't', "kelt": 'd',
	// Romanian
	"de la": 'f', "către": 't', "catre": 't', "trimis": 'd', "subiect": 's', "la": 't', "expeditor": 'f', "destinatar": 't', "răspuns către": 'r',
	"dată": 'D', "trimis la": 'd', "subiectul": 's', "răspunde-i lui": 'r', "pentru": 't',
	// Croatian, Serbian, Slovene
	"za": 't', "poslano": 'd', "prima": 't', "šalje": 'f', "primatelj": 't', "zadeva": 's', "poslato": 'd', "naslov": 's', "tema": 's', "odgovori": 'r',
	"odgovor na": 'r', "pošiljatelj": 'f', "prejemnik": 't', "kp": 'c', "šalje se": 't', "шаље": 'f', "за": 't', "послато": 'd', "наслов": 's',
	"naslovnik": 't', "prejemniki": 't', "primatelji": 't',
	// Turkish
	"kimden": 'f', "kime": 't', "gönderme": 'd', "gönderildi": 'd', "gönderilme": 'd', "konu": 's', "tarih": 'D', "bilgi": 'c', "gönderen": 'f',
	"alıcı": 't', "gönderilen": 'd', "gönderilme tarihi": 'd', "gönderi": 'd', "gönderim tarihi": 'd', "yanıt adresi": 'r', "kopya": 'c',
	"gönderim": 'd', "yanıtla": 'r',
	// Greek
	"από": 'f', "προς": 't', "στάλθηκε": 'd', "ημερομηνία": 'D', "θέμα": 's', "κοιν": 'c', "κοιν.": 'c', "εστάλη": 'd', "αποστολή": 'd',
	"αποστολέας": 'f', "παραλήπτης": 't', "κοινοποίηση": 'c', "απάντηση προς": 'r',
	// Russian, Ukrainian, Bulgarian
	"от": 'f', "от кого": 'f', "кому": 't', "отправлено": 'd', "дата": 'D', "тема": 's', "копия": 'c', "отправитель": 'f', "получатель": 't',
	"дата отправки": 'd', "ответить": 'r', "від": 'f', "надіслано": 'd', "копія": 'c', "від кого": 'f', "відправлено": 'd', "відправник": 'f',
	"до": 't', "относно": 's', "изпратено": 'd', "кого": 't', "отправлен": 'd', "обратный адрес": 'r', "копие": 'c', "предмет": 's',
	"адрес для ответа": 'r', "відповісти": 'r', "отговор до": 'r', "изпратен": 'd', "одержувач": 't', "получател": 't', "подател": 'f',
	// Lithuanian, Latvian, Estonian
	"nuo": 'f', "kam": 't', "išsiųsta": 'd', "no": 'f', "kellele": 't', "saatja": 'f', "saadetud": 'd', "teema": 's', "temats": 's', "nosūtīts": 'd',
	"saaja": 't', "kuupäev": 'D', "kellelt": 'f', "sūtītājs": 'f', "adresāts": 't', "datums": 'D',
	// Icelandic, Catalan, Galician
	"frá": 'f', "viðtakandi": 't', "efni": 's', "per a": 't', "assumpte": 's', "enviat": 'd', "data d'enviament": 'd', "sendandi": 'f',
	"dagsetning": 'D', "enviat el": 'd',
	// Vietnamese, Indonesian, Malay, Thai
	"từ": 'f', "đến": 't', "ngày": 'D', "chủ đề": 's', "tới": 't', "đã gửi": 'd', "tiêu đề": 's', "gửi": 'd', "vào ngày": 'd', "gửi lúc": 'd',
	"người gửi": 'f', "người nhận": 't', "kính gửi": 't', "dari": 'f', "kepada": 't', "dikirim": 'd', "tanggal": 'D', "subjek": 's', "perihal": 's',
	"ke": 't', "untuk": 't', "terkirim": 'd', "tarikh": 'D', "subyek": 's', "judul": 's', "dihantar": 'd', "จาก": 'f', "ถึง": 't', "วันที่": 'D',
	"เรื่อง": 's', "ส่ง": 'd', "หัวเรื่อง": 's', "ส่งเมื่อ": 'd', "หัวข้อ": 's', "สำเนา": 'c',
	// Hebrew, Arabic, Persian
	"מאת": 'f', "אל": 't', "נשלח": 'd', "תאריך": 'D', "נושא": 's', "עותק": 'c', "הנדון": 's', "העתק": 'c', "من": 'f', "إلى": 't', "الى": 't',
	"تاريخ الإرسال": 'd', "تم الإرسال": 'd', "التاريخ": 'D', "الموضوع": 's', "نسخة": 'c', "أُرسلت": 'd', "تاريخ": 'D', "تاریخ": 'd', "از": 'f',
	"به": 't', "موضوع": 's', "المرسل": 'f', "المستلم": 't', "أرسلت": 'd', "ارسال شده": 'd',
	// Hindi
	"प्रेषक": 'f', "दिनांक": 'd', "विषय": 's', "प्रति": 't',
	// Chinese: Outlook, QQ, Foxmail, NetEase, Sina
	"发件人": 'f', "发送时间": 'd', "收件人": 't', "主题": 's', "抄送": 'c', "抄送人": 'c', "日期": 'D', "發件人": 'f', "傳送時間": 'd', "寄件者": 'f', "寄件人": 'f', "寄件日期": 'd',
	"收件者": 't', "主旨": 's', "主題": 's', "副本": 'c', "發送日期": 'd', "发送日期": 'd', "已发送": 'd', "時間": 'D', "时间": 'D', "发自": 'f', "回复": 'r', "回复至": 'r',
	"發送時間": 'd', "已傳送": 'd', "抄送至": 'c', "寄送時間": 'd', "傳送日期": 'd', "重要性": 'i', "附件": 'i', "答复": 'r', "回覆": 'r', "发件时间": 'd', "接收人": 't', "标题": 's',
	// Japanese
	"差出人": 'f', "送信日時": 'd', "宛先": 't', "送信先": 't', "件名": 's', "日付": 'D', "送信元": 'f', "送信者": 'f', "送信日": 'd', "日時": 'D', "返信先": 'r', "ｃｃ": 'c',
	"送信済み": 'd', "題名": 's', "受信者": 't', "発信者": 'f',
	// Korean
	"보낸 사람": 'f', "보낸사람": 'f', "보낸 날짜": 'd', "받는 사람": 't', "받는사람": 't', "제목": 's', "날짜": 'D', "참조": 'c', "보낸날짜": 'd', "발신": 'f', "수신": 't', "일시": 'D',
	"받는 이": 't', "보낸 이": 'f', "답장받는 사람": 'r', "회신": 'r', "발신자": 'f', "수신자": 't', "보낸이": 'f', "받는이": 't', "보냄": 'd', "보낸일시": 'd',
}

// labelOf reads "Label: value" and gives the kind of the label, or 0.
func labelOf(s string) (kind byte, value string) {
	kind, value = labelKind(s)
	if kind == 'D' {
		kind = 'd'
	}
	return kind, value
}

// labelKind is labelOf that tells dates of sending from others. Programs put
// stars, spaces and wide colons around.
func labelKind(s string) (kind byte, value string) {
	if i, _ := findColon(s); i < 0 { // as most lines have none
		return 0, ""
	}
	s = strings.TrimLeft(s, " \t*_|>\u00a0\u200e\u200f\u202a\u202b")
	i, size := findColon(s)
	if i <= 0 || i > 60 {
		return 0, ""
	}
	label := strings.ToLower(strings.Trim(s[:i], " \t*_\u00a0\u3000\u200e\u200f"))
	if kind = headerLabels[label]; kind == 0 && strings.ContainsAny(label, " \u00a0\u3000") {
		// Outlook pads short labels ("主 题"), French has a space before the colon.
		words := strings.Fields(label)
		if kind = headerLabels[strings.Join(words, "")]; kind == 0 || isASCII(label) {
			kind = headerLabels[strings.Join(words, " ")]
		}
	}
	if kind == 0 {
		return 0, ""
	}
	return kind, trimValue(s[i+size:])
}

// findColon finds the first colon, narrow or wide, and says how many bytes it has.
func findColon(s string) (i, size int) {
	i = strings.IndexByte(s, ':')
	if j := strings.Index(s, "："); j >= 0 && (i < 0 || j < i) {
		return j, len("：")
	}
	return i, 1
}

func trimValue(s string) string {
	return strings.Trim(strings.TrimSpace(s), "*\u200e\u200f\u202a\u202b\u202c \t\u00a0")
}

// headerBlock reports whether the block that programs copy above a quoted or
// forwarded mail begins at lines[i], and how many lines it has. It takes an
// author, or a recipient and a date, and two kinds at least: a list of facts
// ("Date: …, Time: …") is none.
func headerBlock(lines []line, i int) (n int, ok bool) {
	kind, value := labelKind(lines[i].text)
	if kind == 0 || kind == 'i' {
		return 0, false
	}
	seen := map[byte]string{kind: value}
	last, loose := i, 0
	for j := i + 1; j < len(lines) && j < i+30; j++ {
		l := lines[j]
		if l.blank() {
			// Block elements put empty lines between the fields of some HTML.
			if j+1 < len(lines) && !lines[j+1].blank() && j-last <= 1 {
				if k, _ := labelKind(lines[j+1].text); k != 0 && len(seen) < 5 {
					if _, twice := seen[k]; !twice {
						continue
					}
				}
			}
			break
		}
		k, v := labelKind(l.text)
		if k == 0 {
			// A value that goes on: a long list of recipients, a folded subject.
			if loose++; loose > 12 || j-last > 6 {
				break
			}
			continue
		}
		if _, twice := seen[k]; twice && k != 'c' && k != 'i' {
			break
		}
		seen[k], last, loose = v, j, 0
	}
	if !plausible(seen) {
		return 0, false
	}
	// What goes on behind the last label belongs to its value while it looks so.
	for last+1 < len(lines) && !lines[last+1].blank() && continues(lines[last+1].text) {
		last++
	}
	return last - i + 1, true
}

// plausible judges the fields of a block. What a traveller writes ("From: Paris,
// To: Lyon, Date: 5 May") is none: it takes a subject, an address, or the word
// that programs have for the time of sending.
func plausible(seen map[byte]string) bool {
	from, hasFrom := seen['f']
	to, hasTo := seen['t']
	sent, hasSent := seen['d']
	date, hasDate := seen['D']
	_, hasSubject := seen['s']
	switch {
	case len(seen) < 2:
		return false
	case hasFrom && hasSent && hasDigit(sent):
		return true
	case hasFrom && hasSubject:
		return hasDate || hasSent || hasTo
	case hasFrom && strings.Contains(from, "@"):
		return hasTo || hasDate || hasSent
	case hasFrom && hasDate && strings.Contains(to, "@"):
		return true
	case hasTo && (hasDate && hasDigit(date) || hasSent && hasDigit(sent)):
		return strings.Contains(to, "@") || hasSubject
	}
	return false
}

// continues tells the rest of a folded list of recipients from text.
func continues(s string) bool {
	t := strings.TrimSpace(s)
	return strings.HasPrefix(s, " ") && strings.Contains(t, "@") || strings.HasSuffix(t, ">") && strings.Contains(t, "<") && strings.Contains(t, "@") && !strings.Contains(t, "://")
}

// notesBlock reports whether a header block of Lotus Notes stands at lines[i],
// whose fields are a word on a line and the value on the next: name, date, To,
// Subject. start is the line of the name.
func notesBlock(lines []line, i int) (start, n int, ok bool) {
	to := i + 1
	for to < len(lines) && to < i+3 && lines[to].blank() {
		to++
	}
	if to >= len(lines) || bareLabel(lines[to].text) != 't' || len(lines[i].text) > 60 || !fullDate.MatchString(lines[i].text) || !clockTime.MatchString(lines[i].text) {
		return 0, 0, false
	}
	for j := to + 1; j < len(lines) && j < to+12; j++ {
		if bareLabel(lines[j].text) != 's' {
			continue
		}
		start = i
		if i > 0 && !lines[i-1].blank() && len(lines[i-1].text) < 100 && !strings.HasSuffix(strings.TrimSpace(lines[i-1].text), ".") {
			start = i - 1
		}
		return start, j + 1 - i, true
	}
	return 0, 0, false
}

// bareLabel is the kind of a label that stands on a line of its own.
func bareLabel(s string) byte {
	if len(s) > 40 {
		return 0
	}
	return headerLabels[strings.ToLower(strings.TrimSpace(s))]
}

func hasDigit(s string) bool { return strings.IndexFunc(s, unicode.IsDigit) >= 0 }
