package parser

func classify(m *Message, h *header, root *part) Automatic { return ByPerson }
