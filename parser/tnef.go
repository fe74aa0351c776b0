package parser

func isTNEF(p *part) bool { return false }

func (b *body) tnef(p *part) { b.attach(p) }
