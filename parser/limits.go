package parser

// What a message may cost. Real mail stays far below these; what goes beyond
// is kept raw and filed as unreadable, so the worst that a hostile message can
// do is to be dull.
const (
	maxHeaderBlock = 64 << 10 // bytes of one header block
	maxField       = 16 << 10 // bytes of one header field, folded lines included
	maxDepth       = 10       // multiparts within multiparts
	maxParts       = 500      // parts of all levels together

	maxNested           = 3         // signed messages within signed messages
	maxLines            = 100_000   // lines of text that HTML is shown as
	maxText             = 4 << 20   // bytes of text that are decoded and read
	maxRawText          = 256 << 10 // bytes of raw text shown of an unreadable message
	maxReplyLines       = 20_000    // lines that are looked at for quotes and signatures
	maxName             = 400       // bytes of a display name with commas
	maxCandidates       = 1_000     // lines looked at closely for the one before a quote
	maxAddresses        = 2_000     // addresses read from one field
	maxIDs              = 1_000     // identifiers read from one field
	maxQuoteDepth       = 12        // quote marks told apart on one line
	maxInner            = 8 << 20   // bytes of an encoded message, TNEF or report that is opened
	maxSecond           = 256 << 10 // bytes of a message that enmime is asked to read
	maxSecondMultiparts = 12        // times that such a message may name a boundary
	maxSecondDashes     = 1_000     // lines of it that may look like one
	maxTNEF             = 32 << 20  // bytes of a winmail.dat that is opened
	maxRecipients       = 500       // recipients read from one report
	maxGroups           = 1_000     // groups of fields read from one report
)
