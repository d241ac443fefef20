/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/dns-msg.h"

#include <errno.h>
#include <string.h>

/* RFC 1035 section 4.1.1, in the two bytes of flags. */
#define FLAG_QR     0x8000U
#define FLAG_OPCODE 0x7800U
#define FLAG_TC     0x0200U
#define FLAG_RD     0x0100U
#define FLAG_RA     0x0080U
#define FLAG_CD     0x0010U
#define FLAG_RCODE  0x000fU

#define LABEL_MAX        63U
#define POINTER          0xc0U
#define POINTER_QUESTION 0xc00cU /* to the name right behind the header */
#define OPTION_EDE       15U
#define EDE_TEXT_MAX     128U
#define RECORD_HEADER    10U /* type, class, ttl, length */
#define OPT_HEADER       11U

/* A message that is read from the front; 'at' never passes 'len'. */
struct reader {
	const uint8_t *data;
	size_t len, at;
};

/* A name on the wire, letters in lower case: the form that is compared. */
struct wire_name {
	uint8_t b[DNS_NAME_MAX];
	size_t len;
};

struct record {
	struct wire_name owner;
	uint16_t type, class;
	uint32_t ttl;
	size_t data; /* offset */
	uint16_t len;
};

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static size_t left(const struct reader *r)
{
	return r->len - r->at;
}

static uint16_t get16(struct reader *r)
{
	uint16_t v = (uint16_t)(r->data[r->at] << 8 | r->data[r->at + 1]);

	r->at += 2;
	return v;
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, (uint16_t)(v >> 16));
	put16(at + 2, (uint16_t)v);
}

/*
 * Read a name. A pointer must lead to before the place where the name, or the piece of it
 * that is being read, began: so there can be no loop, and each costs at least a step back.
 */
static int read_name(struct reader *r, bool pointers, struct wire_name *ret)
{
	size_t at = r->at, began = r->at, after = 0;

	ret->len = 0;
	for (;;) {
		uint8_t n;

		if (at >= r->len)
			return -EBADMSG;
		n = r->data[at++];
		if ((n & POINTER) == POINTER) {
			size_t to;

			if (!pointers || at >= r->len)
				return -EBADMSG;
			to = (size_t)(n & ~POINTER) << 8 | r->data[at++];
			if (to >= began)
				return -EBADMSG;
			if (!after)
				after = at;
			at = began = to;
			continue;
		}
		if (n > LABEL_MAX || n > r->len - at ||
			ret->len + 1U + n > DNS_NAME_MAX - (n ? 1U : 0U))
			return -EBADMSG;
		ret->b[ret->len++] = n;
		for (uint8_t i = 0; i < n; i++)
			ret->b[ret->len++] = lower(r->data[at++]);
		if (!n)
			break;
	}
	r->at = after ? after : at;
	return 0;
}

/* As text, if it is one of a host: a label with a dot in it is none. */
static void name_to_text(const struct wire_name *w, char out[NAME_MAX_LEN + 1])
{
	char text[DNS_NAME_MAX];
	size_t n = 0;

	out[0] = '\0';
	for (size_t at = 0; w->b[at]; at += 1U + w->b[at]) {
		if (memchr(w->b + at + 1, '.', w->b[at]))
			return;
		if (n)
			text[n++] = '.';
		memcpy(text + n, w->b + at + 1, w->b[at]);
		n += w->b[at];
	}
	if (!n || name_normalise(text, n, out) < 0)
		out[0] = '\0';
}

static int read_record(struct reader *r, struct record *ret)
{
	if (read_name(r, true, &ret->owner) < 0 || left(r) < RECORD_HEADER)
		return -EBADMSG;
	ret->type = get16(r);
	ret->class = get16(r);
	ret->ttl = (uint32_t)get16(r) << 16;
	ret->ttl |= get16(r);
	ret->len = get16(r);
	ret->data = r->at;
	if (ret->len > left(r))
		return -EBADMSG;
	r->at += ret->len;
	return 0;
}

/* Its class is a size, its TTL a version, its data options (RFC 6891 section 6.1). */
static int read_opt(struct reader *r, struct dns_query *q)
{
	struct record opt;
	size_t end;

	if (read_record(r, &opt) < 0 || opt.type != DNS_OPT || opt.owner.len != 1)
		return -EBADMSG;
	end = opt.data + opt.len;
	for (size_t at = opt.data; at < end;) {
		size_t n;

		if (end - at < 4)
			return -EBADMSG;
		n = (size_t)r->data[at + 2] << 8 | r->data[at + 3];
		if (n > end - at - 4)
			return -EBADMSG;
		at += 4 + n;
	}
	q->edns = true;
	q->udp_size = opt.class < DNS_UDP_MIN ? DNS_UDP_MIN : opt.class;
	if (opt.ttl >> 16 & 0xff)
		q->rcode = DNS_BADVERS;
	return 0;
}

static int read_question(struct reader *r, struct dns_query *q)
{
	struct wire_name name;
	size_t began = r->at;

	if (read_name(r, false, &name) < 0 || left(r) < 4)
		return -EBADMSG;
	q->type = get16(r);
	q->class = get16(r);
	q->question_len = r->at - began;
	memcpy(q->question, r->data + began, q->question_len);
	name_to_text(&name, q->name);
	return 0;
}

int dns_query_parse(const void *data, size_t len, struct dns_query *ret)
{
	struct reader r = { .data = data, .len = len };
	uint16_t flags, counts[4];

	*ret = (struct dns_query){ .udp_size = DNS_UDP_MIN };
	if (len < DNS_HEADER)
		return -EBADMSG;
	ret->id = get16(&r);
	flags = get16(&r);
	for (size_t i = 0; i < 4; i++)
		counts[i] = get16(&r);
	if (flags & FLAG_QR)
		return -EBADMSG;
	ret->recurse = flags & FLAG_RD;
	ret->no_check = flags & FLAG_CD;
	if (flags & FLAG_OPCODE)
		ret->rcode = DNS_NOTIMP;
	else if (counts[0] != 1 || counts[1] || counts[2] || counts[3] > 1 ||
		(flags & (FLAG_TC | FLAG_RCODE)) || len > DNS_QUERY_MAX ||
		read_question(&r, ret) < 0 || (counts[3] && read_opt(&r, ret) < 0) ||
		left(&r))
		ret->rcode = DNS_FORMERR;
	return 0;
}

static size_t put_records(
	const struct dns_query *q, const struct dns_answer *a, uint8_t *at)
{
	uint16_t len = q->type == DNS_A ? 4 : 16;
	uint8_t *p = at;

	for (size_t i = 0; i < a->n; i++) {
		put16(p, POINTER_QUESTION);
		put16(p + 2, q->type);
		put16(p + 4, DNS_CLASS_IN);
		put32(p + 6, a->ttl);
		put16(p + 10, len);
		memcpy(p + 12, a->addrs[i].b + sizeof(a->addrs[i].b) - len, len);
		p += 12 + len;
	}
	return (size_t)(p - at);
}

static size_t put_opt(const struct dns_answer *a, uint8_t *at)
{
	size_t text = a->ede != DNS_EDE_NONE && a->ede_text
		? strnlen(a->ede_text, EDE_TEXT_MAX)
		: 0;

	memset(at, 0, OPT_HEADER);
	put16(at + 1, DNS_OPT);
	put16(at + 3, DNS_UDP_MAX);
	at[5] = (uint8_t)(a->rcode >> 4);
	if (a->ede == DNS_EDE_NONE)
		return OPT_HEADER;
	put16(at + 9, (uint16_t)(6 + text));
	put16(at + 11, OPTION_EDE);
	put16(at + 13, (uint16_t)(2 + text));
	put16(at + 15, a->ede);
	if (text)
		memcpy(at + 17, a->ede_text, text);
	return OPT_HEADER + 6 + text;
}

/* There is no SOA in what is negative, so that nobody caches it (RFC 2308 section 5): the
 * policy may be another one a moment later. */
size_t dns_answer_build(
	const struct dns_query *q, const struct dns_answer *a, uint8_t *out, size_t max)
{
	uint8_t room[DNS_OWN_ANSWER_MAX], opt[OPT_HEADER + 6 + EDE_TEXT_MAX];
	size_t opt_len = q->edns ? put_opt(a, opt) : 0, n = DNS_HEADER, records = 0;
	bool fits;

	if (q->question_len)
		memcpy(room + n, q->question, q->question_len);
	n += q->question_len;
	if (a->n && a->n <= DNS_ADDRESSES_MAX && q->question_len)
		records = put_records(q, a, room + n);
	fits = n + records + opt_len <= max;
	n += fits ? records : 0;
	if (opt_len)
		memcpy(room + n, opt, opt_len);
	n += opt_len;
	put16(room, q->id);
	put16(room + 2,
		(uint16_t)(FLAG_QR | FLAG_RA | (q->recurse ? FLAG_RD : 0) |
			(q->no_check ? FLAG_CD : 0) | (fits ? 0 : FLAG_TC) |
			(a->rcode & FLAG_RCODE)));
	put16(room + 4, q->question_len ? 1 : 0);
	put16(room + 6, fits && records ? (uint16_t)a->n : 0);
	put16(room + 8, 0);
	put16(room + 10, opt_len ? 1 : 0);
	if (n > max)
		return 0;
	memcpy(out, room, n);
	return n;
}

int dns_asked_init(struct dns_asked *a, const char *name, uint16_t type,
	const uint8_t random[DNS_ASK_RANDOM])
{
	size_t n = strlen(name), bit = 0, label = 0;

	if (!n || n > NAME_MAX_LEN)
		return -EINVAL;
	*a = (struct dns_asked){ .type = type, .name_len = n + 2 };
	a->id = (uint16_t)(random[0] << 8 | random[1]);
	for (size_t i = 0; i <= n; i++) {
		uint8_t c = (uint8_t)name[i];

		if (c == '.' || !c) {
			if (i == label || i - label > LABEL_MAX)
				return -EINVAL;
			a->name[label] = (uint8_t)(i - label);
			label = i + 1;
			continue;
		}
		if (c >= 'a' && c <= 'z' && (random[2 + bit / 8] >> bit % 8 & 1))
			c = (uint8_t)(c - 32);
		a->name[i + 1] = c;
		bit++;
	}
	return 0;
}

size_t dns_asked_build(const struct dns_asked *a, uint8_t out[DNS_OWN_QUERY_MAX])
{
	memset(out, 0, DNS_HEADER);
	put16(out, a->id);
	put16(out + 2, FLAG_RD);
	put16(out + 4, 1);
	memcpy(out + DNS_HEADER, a->name, a->name_len);
	put16(out + DNS_HEADER + a->name_len, a->type);
	put16(out + DNS_HEADER + a->name_len + 2, DNS_CLASS_IN);
	return DNS_HEADER + a->name_len + 4;
}

/* The question must come back as it was asked, but for the case of letters. */
static int match_question(struct reader *r, const struct dns_asked *asked, bool *ret_same)
{
	size_t began = r->at, n = asked->name_len;

	if (left(r) < n + 4)
		return -EBADMSG;
	*ret_same = memcmp(r->data + began, asked->name, n) == 0;
	for (size_t i = 0; i < n; i++)
		if (lower(r->data[began + i]) != lower(asked->name[i]))
			return -EBADMSG;
	r->at += n;
	if (get16(r) != asked->type || get16(r) != DNS_CLASS_IN)
		return -EBADMSG;
	return 0;
}

static bool same_name(const struct wire_name *a, const struct wire_name *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

/* The top bit means nothing, and so zero (RFC 2181 section 8). */
static void lower_ttl(struct dns_response *ret, uint32_t ttl)
{
	if (ttl >> 31)
		ttl = 0;
	if (ttl < ret->ttl)
		ret->ttl = ttl;
}

static int take_address(
	const struct reader *r, const struct record *rec, struct dns_response *ret)
{
	struct address a = { .b = { [10] = 0xff, [11] = 0xff } };
	size_t len = rec->type == DNS_A ? 4 : 16;

	if (rec->len != len)
		return -EPROTO;
	lower_ttl(ret, rec->ttl);
	memcpy(a.b + sizeof(a.b) - len, r->data + rec->data, len);
	if (rec->type == DNS_AAAA && address_is_v4(&a))
		return 0; /* an IPv4 address in a dress: no host's */
	for (size_t i = 0; i < ret->n; i++)
		if (address_equal(&ret->addrs[i], &a))
			return 0;
	if (ret->n < DNS_ADDRESSES_MAX)
		ret->addrs[ret->n++] = a;
	return 0;
}

/*
 * Go once through the answer section for what belongs to 'name': addresses are taken, an
 * alias becomes the next name. Returns 1 after an alias, 0 at the end of the chain.
 */
static int read_answers(struct reader r, uint16_t count, uint16_t type,
	struct wire_name *name, struct dns_response *ret)
{
	struct wire_name next;
	bool alias = false;

	for (uint16_t i = 0; i < count && i < DNS_RECORDS_MAX; i++) {
		struct record rec;

		if (read_record(&r, &rec) < 0)
			return -EPROTO;
		if (rec.class != DNS_CLASS_IN || !same_name(&rec.owner, name))
			continue;
		if (rec.type == type && take_address(&r, &rec, ret) < 0)
			return -EPROTO;
		if (rec.type == DNS_CNAME) {
			struct reader in = r;

			in.at = rec.data;
			if (alias || read_name(&in, true, &next) < 0 ||
				in.at != rec.data + rec.len)
				return -EPROTO;
			lower_ttl(ret, rec.ttl);
			alias = true;
		}
	}
	if (!alias)
		return 0;
	if (ret->n)
		return -EPROTO; /* an alias has no other data (RFC 1034 section 3.6.2) */
	*name = next;
	return 1;
}

static int follow(struct reader r, uint16_t count, const struct dns_asked *asked,
	struct dns_response *ret)
{
	struct wire_name name = { .len = asked->name_len };

	for (size_t i = 0; i < asked->name_len; i++)
		name.b[i] = lower(asked->name[i]);
	for (unsigned hops = 0; hops <= DNS_CHAIN_MAX; hops++) {
		int more = read_answers(r, count, asked->type, &name, ret);

		if (more <= 0)
			return more;
	}
	return -EPROTO;
}

int dns_response_parse(const void *data, size_t len, const struct dns_asked *asked,
	struct dns_response *ret)
{
	struct reader r = { .data = data, .len = len };
	uint16_t flags, questions, answers;
	int err;

	*ret = (struct dns_response){ .ttl = DNS_TTL_MAX };
	if (len < DNS_HEADER || get16(&r) != asked->id)
		return -EBADMSG;
	flags = get16(&r);
	questions = get16(&r);
	answers = get16(&r);
	r.at = DNS_HEADER;
	if (!(flags & FLAG_QR) || (flags & FLAG_OPCODE) || questions != 1 ||
		match_question(&r, asked, &ret->same_case) < 0)
		return -EBADMSG;
	ret->rcode = flags & FLAG_RCODE;
	ret->truncated = flags & FLAG_TC;
	if (ret->truncated || ret->rcode != DNS_NOERROR)
		return 0;
	err = follow(r, answers, asked, ret);
	if (err < 0)
		ret->n = 0;
	return err;
}
