/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/proto.h"

#include <string.h>
#include <sys/wait.h>

#define FAILED_HEAD 8U
#define EXITED_SIZE 28U
#define STATS_SIZE  28U
#define STOP_SIZE   8U
#define KEPT_SIZE   12U
/* host name, machine id, time, entropy */
#define IDENTITY_SIZE (GUEST_HOSTNAME_MAX + GUEST_MACHINE_ID + 8 + GUEST_ENTROPY)
#define ERRNO_MAX     4095U
#define STATUS_KNOWN  0xffffU

size_t guest_failed_encode(const struct guest_failed *m, uint8_t out[GUEST_BODY_MAX])
{
	size_t len = strnlen(m->what, sizeof(m->what) - 1);

	wire_put32(out, m->step);
	wire_put32(out + 4, (uint32_t)m->code);
	memcpy(out + FAILED_HEAD, m->what, len);
	return FAILED_HEAD + len;
}

int guest_failed_decode(const struct wire_frame *f, struct guest_failed *ret)
{
	const uint8_t *p = f->data;
	uint32_t step, code;
	size_t len;

	if (f->len < FAILED_HEAD || f->len - FAILED_HEAD >= sizeof(ret->what))
		return -EPROTO;
	step = wire_get32(p);
	code = wire_get32(p + 4);
	if (step > GUEST_STEP_EXEC || code == 0 || code > ERRNO_MAX)
		return -EPROTO;
	len = f->len - FAILED_HEAD;
	ret->step = (enum guest_step)step;
	ret->code = (int)code;
	/* Control characters would steer the terminal that this ends up on. */
	for (size_t i = 0; i < len; i++)
		ret->what[i] = p[FAILED_HEAD + i] < 0x20 || p[FAILED_HEAD + i] == 0x7f
			? '?'
			: (char)p[FAILED_HEAD + i];
	ret->what[len] = '\0';
	return 0;
}

size_t guest_exited_encode(const struct guest_exited *m, uint8_t out[GUEST_BODY_MAX])
{
	wire_put32(out, (uint32_t)m->status);
	wire_put64(out + 4, m->user_us);
	wire_put64(out + 12, m->system_us);
	wire_put64(out + 20, m->max_rss_kib);
	return EXITED_SIZE;
}

int guest_exited_decode(const struct wire_frame *f, struct guest_exited *ret)
{
	const uint8_t *p = f->data;
	uint32_t raw;
	int status;

	if (f->len != EXITED_SIZE)
		return -EPROTO;
	raw = wire_get32(p);
	status = (int)raw;
	if (raw > STATUS_KNOWN || (!WIFEXITED(status) && !WIFSIGNALED(status)))
		return -EPROTO;
	*ret = (struct guest_exited){
		.status = status,
		.user_us = wire_get64(p + 4),
		.system_us = wire_get64(p + 12),
		.max_rss_kib = wire_get64(p + 20),
	};
	return 0;
}

size_t guest_stats_encode(const struct guest_stats *m, uint8_t out[GUEST_BODY_MAX])
{
	wire_put32(out, m->commands);
	wire_put32(out + 4, m->processes);
	wire_put32(out + 8, m->threads);
	wire_put64(out + 12, m->rss_bytes);
	wire_put64(out + 20, m->cpu_us);
	return STATS_SIZE;
}

int guest_stats_decode(const struct wire_frame *f, struct guest_stats *ret)
{
	const uint8_t *p = f->data;

	if (f->len != STATS_SIZE)
		return -EPROTO;
	*ret = (struct guest_stats){
		.commands = wire_get32(p),
		.processes = wire_get32(p + 4),
		.threads = wire_get32(p + 8),
		.rss_bytes = wire_get64(p + 12),
		.cpu_us = wire_get64(p + 20),
	};
	return 0;
}

size_t guest_stop_encode(const struct guest_stop *m, uint8_t out[GUEST_BODY_MAX])
{
	wire_put32(out, m->signal);
	wire_put32(out + 4, m->grace_ms);
	return STOP_SIZE;
}

int guest_stop_decode(const struct wire_frame *f, struct guest_stop *ret)
{
	if (f->len != STOP_SIZE || wire_get32(f->data) > 64)
		return -EPROTO;
	ret->signal = wire_get32(f->data);
	ret->grace_ms = wire_get32((const uint8_t *)f->data + 4);
	return 0;
}

size_t guest_identity_encode(const struct guest_identity *m, uint8_t out[GUEST_BODY_MAX])
{
	memset(out, 0, IDENTITY_SIZE);
	memcpy(out, m->hostname, strnlen(m->hostname, GUEST_HOSTNAME_MAX));
	out += GUEST_HOSTNAME_MAX;
	memcpy(out, m->machine_id, strnlen(m->machine_id, GUEST_MACHINE_ID));
	out += GUEST_MACHINE_ID;
	wire_put64(out, m->real_ns);
	memcpy(out + 8, m->entropy, GUEST_ENTROPY);
	return IDENTITY_SIZE;
}

int guest_identity_decode(const struct wire_frame *f, struct guest_identity *ret)
{
	const uint8_t *p = f->data;

	if (f->len != IDENTITY_SIZE)
		return -EPROTO;
	*ret = (struct guest_identity){ 0 };
	memcpy(ret->hostname, p, GUEST_HOSTNAME_MAX);
	p += GUEST_HOSTNAME_MAX;
	memcpy(ret->machine_id, p, GUEST_MACHINE_ID);
	p += GUEST_MACHINE_ID;
	ret->real_ns = wire_get64(p);
	memcpy(ret->entropy, p + 8, GUEST_ENTROPY);
	return 0;
}

size_t guest_kept_encode(const struct guest_kept *m, uint8_t out[GUEST_BODY_MAX])
{
	wire_put32(out, m->in_left);
	wire_put32(out + 4, m->out_left);
	wire_put32(out + 8, m->flags);
	return KEPT_SIZE;
}

int guest_kept_decode(const struct wire_frame *f, struct guest_kept *ret)
{
	const uint8_t *p = f->data;

	if (f->len != KEPT_SIZE || wire_get32(p) > GUEST_WINDOW ||
		wire_get32(p + 4) > GUEST_WINDOW ||
		(wire_get32(p + 8) & ~(uint32_t)GUEST_KEPT_ALL))
		return -EPROTO;
	*ret = (struct guest_kept){ wire_get32(p), wire_get32(p + 4), wire_get32(p + 8) };
	return 0;
}

int guest_u32_decode(const struct wire_frame *f, uint32_t *ret)
{
	if (f->len != 4)
		return -EPROTO;
	*ret = wire_get32(f->data);
	return 0;
}

int guest_pair_decode(const struct wire_frame *f, uint32_t *a, uint32_t *b)
{
	if (f->len != 8)
		return -EPROTO;
	*a = wire_get32(f->data);
	*b = wire_get32((const uint8_t *)f->data + 4);
	return 0;
}

int guest_winsize_decode(const struct wire_frame *f, uint16_t *rows, uint16_t *cols)
{
	if (f->len != 4)
		return -EPROTO;
	*rows = wire_get16(f->data);
	*cols = wire_get16((const uint8_t *)f->data + 2);
	return 0;
}

int guest_send_body(struct wire *w, uint16_t channel, enum guest_type type,
	const uint8_t *body, size_t len)
{
	return wire_send(w,
		&(struct wire_frame){
			.channel = channel,
			.type = (uint8_t)type,
			.len = (uint32_t)len,
			.data = body,
		});
}

int guest_send_u32(struct wire *w, uint16_t channel, enum guest_type type, uint32_t v)
{
	uint8_t body[4];

	wire_put32(body, v);
	return guest_send_body(w, channel, type, body, sizeof(body));
}

int guest_send_pair(struct wire *w, enum guest_type type, uint32_t a, uint32_t b)
{
	uint8_t body[8];

	wire_put32(body, a);
	wire_put32(body + 4, b);
	return guest_send_body(w, 0, type, body, sizeof(body));
}

int guest_send_winsize(struct wire *w, uint16_t channel, uint16_t rows, uint16_t cols)
{
	uint8_t body[4];

	wire_put16(body, rows);
	wire_put16(body + 2, cols);
	return guest_send_body(w, channel, GUEST_WINSIZE, body, sizeof(body));
}

/* What a warder may send: where, how long, and whether its flags name a stream. */
static const struct rule {
	uint8_t type;
	bool control, stream;
	uint32_t min, max;
} from_warder[] = {
	{ GUEST_DATA, false, true, 1, WIRE_PAYLOAD_MAX },
	{ GUEST_EOF, false, true, 0, 0 },
	{ GUEST_CREDIT, false, false, 4, 4 },
	{ GUEST_READY, true, false, 8, 8 },
	{ GUEST_STARTED, false, false, 4, 4 },
	{ GUEST_FAILED, false, false, FAILED_HEAD, GUEST_BODY_MAX },
	{ GUEST_EXITED, false, false, EXITED_SIZE, EXITED_SIZE },
	{ GUEST_STATS, true, false, STATS_SIZE, STATS_SIZE },
	{ GUEST_DONE, true, false, 8, 8 },
	{ GUEST_KEPT, false, false, KEPT_SIZE, KEPT_SIZE },
};

int guest_check_from_warder(const struct wire_frame *f)
{
	for (size_t i = 0; i < sizeof(from_warder) / sizeof(*from_warder); i++) {
		const struct rule *r = &from_warder[i];
		uint8_t low = f->type == GUEST_DATA ? GUEST_STDOUT : GUEST_STDIN;

		if (r->type != f->type)
			continue;
		if ((f->channel == 0) != r->control || f->len < r->min || f->len > r->max)
			return -EPROTO;
		if (!r->stream)
			return f->flags ? -EPROTO : 0;
		return f->flags >= low && f->flags <= GUEST_STDERR ? 0 : -EPROTO;
	}
	return -EPROTO;
}

int guest_failed_status(const struct guest_failed *m)
{
	if (m->step != GUEST_STEP_EXEC)
		return m->step == GUEST_STEP_SPAWN ? 125 : 126;
	return m->code == ENOENT || m->code == ENOTDIR ? 127 : 126;
}
