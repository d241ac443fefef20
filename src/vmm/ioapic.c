/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/ioapic.h"

#include <errno.h>
#include <string.h>

/* 82093AA, section 3.0: what the guest sees */
#define REG_SELECT 0x00U
#define REG_WINDOW 0x10U
#define WIN_ID     0x00U
#define WIN_VER    0x01U
#define WIN_ARB    0x02U
#define WIN_ENTRY  0x10U /* two for each pin */

/* a redirection entry, section 3.2.4 */
#define RTE_VECTOR(e) ((uint8_t)(e))
#define RTE_MODE(e)   ((unsigned)((e) >> 8 & 7))
#define RTE_LOGICAL   (1ULL << 11)
#define RTE_STATUS    (1ULL << 12) /* read-only */
#define RTE_REMOTE    (1ULL << 14) /* read-only: an interrupt by level is being served */
#define RTE_LEVEL     (1ULL << 15)
#define RTE_MASKED    (1ULL << 16)
#define RTE_DEST(e)   ((uint64_t)((e) >> 56))
#define RTE_READ_ONLY (RTE_STATUS | RTE_REMOTE)
#define RTE_WRITABLE  (0xff0000000001afffULL)

/* Intel's manual, volume 3, section 11.11: what a message looks like */
#define MSI_ADDRESS 0xfee00000ULL
#define MSI_LOGICAL (1ULL << 2)
#define MSI_ASSERT  (1U << 14)
#define MSI_LEVEL   (1U << 15)

enum { MODE_FIXED = 0, MODE_LOWEST = 1, MODE_NMI = 4 };

#define STATE_VERSION 1

void ioapic_init(struct ioapic *io)
{
	*io = (struct ioapic){ 0 };
	(void)pthread_mutex_init(&io->lock, NULL);
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		io->entry[i] = RTE_MASKED;
}

void ioapic_clear(struct ioapic *io)
{
	(void)pthread_mutex_destroy(&io->lock);
}

static struct ioapic_message message(uint64_t e)
{
	return (struct ioapic_message){
		.address = MSI_ADDRESS | RTE_DEST(e) << 12 |
			(e & RTE_LOGICAL ? MSI_LOGICAL : 0),
		.data = RTE_VECTOR(e) | RTE_MODE(e) << 8 |
			(e & RTE_LEVEL ? MSI_LEVEL | MSI_ASSERT : 0),
		.level = e & RTE_LEVEL,
	};
}

/* Devices have no business with start-up, management or external-controller messages. */
static bool is_deliverable(uint64_t e)
{
	unsigned mode = RTE_MODE(e);

	return mode == MODE_NMI ||
		((mode == MODE_FIXED || mode == MODE_LOWEST) && RTE_VECTOR(e) >= 16);
}

/* Send what waits at 'pin', if it can be sent. */
static void deliver(struct ioapic *io, unsigned pin)
{
	uint64_t *e = &io->entry[pin];
	struct ioapic_message msg = message(*e);

	if (!(io->pending >> pin & 1) || *e & (RTE_MASKED | RTE_REMOTE))
		return;
	io->pending &= ~(1U << pin);
	if (!is_deliverable(*e))
		return;
	if (*e & RTE_LEVEL)
		*e |= RTE_REMOTE;
	(void)io->send(io->data, &msg);
}

static void route(struct ioapic *io)
{
	struct ioapic_message msg[IOAPIC_PINS] = { 0 };
	bool any = false;

	for (unsigned i = 0; i < IOAPIC_PINS; i++) {
		if (!(io->entry[i] & RTE_LEVEL) || io->entry[i] & RTE_MASKED ||
			!is_deliverable(io->entry[i]))
			continue;
		msg[i] = message(io->entry[i]);
		any = true;
	}
	if (!any && !io->routed)
		return;
	io->routed = any;
	if (io->route)
		io->route(io->data, msg);
}

void ioapic_raise(struct ioapic *io, unsigned pin)
{
	if (pin >= IOAPIC_PINS)
		return;
	(void)pthread_mutex_lock(&io->lock);
	io->pending |= 1U << pin;
	deliver(io, pin);
	(void)pthread_mutex_unlock(&io->lock);
}

void ioapic_end(struct ioapic *io, uint8_t vector)
{
	(void)pthread_mutex_lock(&io->lock);
	for (unsigned i = 0; i < IOAPIC_PINS; i++) {
		uint64_t *e = &io->entry[i];

		if (!(*e & RTE_REMOTE) || RTE_VECTOR(*e) != vector)
			continue;
		*e &= ~RTE_REMOTE;
		deliver(io, i);
	}
	(void)pthread_mutex_unlock(&io->lock);
}

static void write_entry(struct ioapic *io, uint32_t index, uint32_t v)
{
	unsigned pin = index / 2;
	uint64_t *e = &io->entry[pin], old = *e, new;

	new = index % 2 ? (old & 0xffffffffULL) | (uint64_t)v << 32
			: (old & 0xffffffff00000000ULL) | v;
	new = (new &RTE_WRITABLE & ~RTE_READ_ONLY) | (old & RTE_READ_ONLY);
	/* a pin that isn't for levels any more waits for no end: what guests use to clear a
	 * stuck one */
	if (!(new &RTE_LEVEL))
		new &= ~RTE_REMOTE;
	*e = new;
	if ((old | new) & RTE_LEVEL && old != new)
		route(io);
	deliver(io, pin);
}

void ioapic_read(struct ioapic *io, uint32_t off, void *to, unsigned n)
{
	uint32_t v = 0, i;

	memset(to, 0, n);
	if (n != 4)
		return;
	(void)pthread_mutex_lock(&io->lock);
	i = io->select - WIN_ENTRY;
	if (off == REG_SELECT)
		v = io->select;
	else if (off == REG_WINDOW && (io->select == WIN_ID || io->select == WIN_ARB))
		v = io->id;
	else if (off == REG_WINDOW && io->select == WIN_VER)
		v = IOAPIC_VERSION | (IOAPIC_PINS - 1) << 16;
	else if (off == REG_WINDOW && io->select >= WIN_ENTRY && i < 2 * IOAPIC_PINS)
		v = (uint32_t)(io->entry[i / 2] >> (i % 2 ? 32 : 0));
	(void)pthread_mutex_unlock(&io->lock);
	memcpy(to, &v, 4);
}

void ioapic_write(struct ioapic *io, uint32_t off, const void *from, unsigned n)
{
	uint32_t v, i;

	if (n != 4)
		return;
	memcpy(&v, from, 4);
	(void)pthread_mutex_lock(&io->lock);
	i = io->select - WIN_ENTRY;
	if (off == REG_SELECT)
		io->select = v & 0xff;
	else if (off == REG_WINDOW && io->select == WIN_ID)
		io->id = v & 0x0f000000;
	else if (off == REG_WINDOW && io->select >= WIN_ENTRY && i < 2 * IOAPIC_PINS)
		write_entry(io, i, v);
	(void)pthread_mutex_unlock(&io->lock);
}

int ioapic_save(struct ioapic *io, struct buf *to)
{
	int r = state_put8(to, STATE_VERSION);

	r = r < 0 ? r : state_put32(to, io->select);
	r = r < 0 ? r : state_put32(to, io->id);
	r = r < 0 ? r : state_put32(to, io->pending);
	for (unsigned i = 0; r == 0 && i < IOAPIC_PINS; i++)
		r = state_put64(to, io->entry[i]);
	return r;
}

int ioapic_restore(struct ioapic *io, struct span *from)
{
	uint64_t entry[IOAPIC_PINS];
	uint8_t version;

	if (state_get8(from, &version) < 0 || version != STATE_VERSION ||
		state_get32(from, &io->select) < 0 || state_get32(from, &io->id) < 0 ||
		state_get32(from, &io->pending) < 0)
		return -EBADMSG;
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		if (state_get64(from, &entry[i]) < 0)
			return -EBADMSG;
	io->select &= 0xff;
	io->pending &= (1U << IOAPIC_PINS) - 1;
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		io->entry[i] = entry[i] & (RTE_WRITABLE | RTE_REMOTE);
	route(io);
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		deliver(io, i);
	return 0;
}
