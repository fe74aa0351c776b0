package config

import "fmt"

// checkDoor looks at what the door asks of others.
func checkDoor(d *decoder, c *Config) {
	for i, r := range c.Trust.Relays {
		if !r.Network.IsValid() && r.Seals == "" {
			d.blame(fmt.Sprintf("trust.relays[%d]", i), "a relay that nothing tells from others", "add network: with its address, or seals: with the domain that it seals with")
		}
		if !r.Network.IsValid() && r.AuthservID != "" {
			d.blame(fmt.Sprintf("trust.relays[%d].authserv_id", i), "results are believed by the host that they come from, and no network says which that is", "add network:, or remove authserv_id")
		}
	}
	lists := c.SMTP.DNSBL
	seen, most := map[string]bool{}, 0
	for i, list := range lists.Lists {
		if list.Zone != "" && seen[list.Zone] {
			d.blame(fmt.Sprintf("smtp.dnsbl.lists[%d].zone", i), list.Zone+" is asked already", "name each list once")
		}
		seen[list.Zone] = true
		most += list.Score
	}
	switch {
	case len(lists.Lists) == 0:
	case lists.Hold == 0 && lists.Refuse == 0:
		d.blame("smtp.dnsbl", "lists are asked and nothing follows", "set hold or refuse, or remove the lists")
	case lists.Refuse > 0 && lists.Hold >= lists.Refuse:
		d.blame("smtp.dnsbl.refuse", "mail is refused before it would be held", "write refuse larger than hold, or hold as 0")
	case lists.Hold > most || lists.Refuse > most:
		d.blame("smtp.dnsbl", fmt.Sprintf("all lists together give %d, which is less than is wanted", most), "raise scores, or lower hold and refuse")
	}
	if g := c.SMTP.Greylist; g.Delay > 0 && g.Window <= g.Delay {
		d.blame("smtp.greylist.window", "it is over before the delay is", "write window much longer than delay")
	}
}
