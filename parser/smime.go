package parser

func isSMIME(p *part) bool { return false }

func (b *body) smime(p *part) { b.attach(p) }
