/*
 * html.h - the HTML that Telegram reads: escaping, visible length, plain text.
 *
 * Telegram decodes &lt; &gt; &amp; &quot; and numbers, knows a dozen tags and
 * refuses the whole message over any other; it measures what is left after
 * that, in code points. So user text is cut first, escaped then, and ready
 * HTML is never cut.
 */
#ifndef MODEL_HTML_H
#define MODEL_HTML_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* & < > " as entities: for text and for attribute values alike. */
void html_escape(struct buf *out, struct str text);
/* As people may have typed it: bad UTF-8 becomes U+FFFD, control bytes but
 * line ends and bidi controls go, at most max_points code points (0: all) with
 * an ellipsis in the last place, then escaped. */
void html_escape_user(struct buf *out, struct str text, size_t max_points);
/* Code points that Telegram counts: tags are nothing, an entity is one. */
size_t html_visible(struct str html);
/* Tags out, entities decoded: what is read. */
void html_plain(struct buf *out, struct str html);
/* Would Telegram take it? BAD_INPUT names the tag: unknown, not closed, closed
 * in the wrong order. */
int html_check(struct str html, struct err *e);

#endif
