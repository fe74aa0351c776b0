package parser

func findBounce(m *Message, root *part, b *body) *Bounce { return nil }
