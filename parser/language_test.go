package parser

import (
	"strings"
	"testing"
)

func TestDetectLanguage(t *testing.T) {
	for _, c := range []struct{ want, text string }{
		{"en", "Hello, the printer is not working since this morning. Could you please have a look?"},
		{"en", "Thank you, it works now."},
		{"fr", "Bonjour, l'imprimante ne marche plus depuis ce matin. Pouvez-vous passer ?"},
		{"de", "Guten Tag, der Drucker geht seit heute Morgen nicht mehr. Können Sie bitte vorbeikommen?"},
		{"es", "Hola, la impresora no funciona desde esta mañana. ¿Pueden venir, por favor?"},
		{"it", "Buongiorno, la stampante non funziona da questa mattina. Potete passare, per favore?"},
		{"pt", "Bom dia, a impressora não funciona desde esta manhã. Podem passar por favor?"},
		{"nl", "Goedemorgen, de printer werkt niet meer sinds vanochtend. Kunt u even langskomen?"},
		{"sv", "Hej, skrivaren fungerar inte sedan i morse. Kan ni komma förbi? Tack"},
		{"da", "Hej, printeren virker ikke siden i morges. Kan I komme forbi? Tak, hilsen Mette"},
		{"no", "Hei, skriveren virker ikke siden i dag tidlig. Kan dere komme innom? Takk, hilsen Kari"},
		{"fi", "Hei, tulostin ei ole toiminut aamusta asti. Voisitteko käydä katsomassa? Kiitos"},
		{"pl", "Dzień dobry, drukarka nie działa od rana. Czy można prosić o pomoc? Dziękuję"},
		{"cs", "Dobrý den, tiskárna od rána nefunguje. Můžete se prosím zastavit? Děkuji"},
		{"sk", "Dobrý deň, tlačiareň od rána nefunguje. Môžete sa prosím zastaviť? Ďakujem"},
		{"hu", "Tisztelt ügyfélszolgálat, a nyomtató reggel óta nem működik. Kérem, nézzék meg. Köszönöm"},
		{"ro", "Bună ziua, imprimanta nu mai merge de azi dimineață. Vă rog să treceți. Mulțumesc"},
		{"tr", "Merhaba, yazıcı bu sabahtan beri çalışmıyor. Lütfen bakabilir misiniz? Teşekkürler"},
		{"ru", "Добрый день, принтер не работает с утра. Посмотрите, пожалуйста."},
		{"uk", "Добрий день, принтер не працює з ранку. Подивіться, будь ласка, дякую, її немає."},
		{"bg", "Добър ден, принтерът не работи от сутринта. Бихте ли го погледнали? Благодаря, поздрави, България, бърз отговор ще е чудесен."},
		{"el", "Καλημέρα, ο εκτυπωτής δεν λειτουργεί."},
		{"he", "שלום, המדפסת לא עובדת מהבוקר."},
		{"ar", "مرحبا، الطابعة لا تعمل منذ الصباح."},
		{"ja", "おはようございます。プリンターが動きません。"},
		{"zh", "你好，打印机从早上开始就坏了。"},
		{"ko", "안녕하세요. 프린터가 아침부터 작동하지 않습니다."},
		{"th", "สวัสดีครับ เครื่องพิมพ์เสีย"},
		{"", "Praesent fringilla vulputate scelerisque; maecenas sollicitudin tincidunt ullamcorper, phasellus habitasse dictumst."},
		{"", strings.Repeat("XXXXXXXXXXXXXXXX\n", 20)},
		{"", "ok"},
		{"", "12345"},
		{"", ""},
	} {
		if got := detectLanguage(c.text, nil); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestDetectLanguageAsked(t *testing.T) {
	if got := detectLanguage("Merci !", []string{"fr"}); got != "fr" {
		t.Errorf("one word in the language that the program asks for: got %q", got)
	}
	if got := detectLanguage("Merci !", nil); got != "" {
		t.Errorf("one word alone: got %q", got)
	}
}
