package ticket

// QuoteMarker stands on the first line of each mail of ours, text and HTML, so that
// what an answer quotes of it is recognised whatever the mail program did to the
// rest. Its separators have no width, are no white space that mail programs trim,
// and pass every charset that our mails are sent in.
const QuoteMarker = "\u2063\u2063\u2064\u2063\u2063"
