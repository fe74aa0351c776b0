package ticket

// QuoteMarker stands at the top of each mail of ours, text and HTML, so that
// what an answer quotes of it is recognised whatever the mail program did to
// the rest: separators without width, which readers neither see nor hear.
const QuoteMarker = "\u2063\u2063\u2064\u2063\u2063"
