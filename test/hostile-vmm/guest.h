/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest.h - a kernel of one file that attacks the VMM under it; included once by each attack.
 *
 * It is entered as PVH says: 32 bits, protected mode, no paging, flat segments, one CPU. It
 * says on the serial port what it finds, a line at a time; "done" comes last, and then it
 * switches the machine off. Memory: from 2 MiB on the program, below 1 MiB scratch, the heap
 * from HEAP on to the end of RAM.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAM       (32U << 20)
#define HEAP      (8U << 20)
#define WINDOW    (1U << 20) /* at the end of RAM, for devices to write to */
#define MMIO      0xd0000000U
#define SLOTS     19U
#define IOAPIC    0xfec00000U
#define LAPIC     0xfee00000U
#define SERIAL    0x3f8
#define PORT_OFF  0x600
#define SLOW_TURN 2000000U /* of a loop that waits */

/* the interrupt controller's entry, a guest's own numbers of devices */
enum { ID_NET = 1, ID_BLK = 2, ID_RNG = 4, ID_BALLOON = 5, ID_VSOCK = 19, ID_FS = 26 };

void main(void);

__asm__(".section .text.start, \"ax\"\n"
	".globl _start\n"
	"_start:\n"
	"	jmp 0f\n"
	"	.p2align 2\n"
	"seed:	.long 0\n" /* at byte 4: run.py writes it */
	"0:	mov $0x200000, %esp\n"
	"	call enter\n"
	"1:	hlt\n"
	"	jmp 1b\n"
	".text\n");

/* --- words -------------------------------------------------------------------------------- */

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "d"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "d"(port));
	return v;
}

static void say(const char *s)
{
	for (; *s; s++)
		outb(SERIAL, (uint8_t)*s);
}

static void say_number(uint32_t v)
{
	char text[12], *at = text + sizeof(text) - 1;

	*at = 0;
	do
		*--at = (char)('0' + v % 10);
	while (v /= 10);
	say(at);
}

__attribute__((noreturn)) static void off(void)
{
	for (;;)
		outb(PORT_OFF, 0);
}

__attribute__((noreturn)) static void fail(const char *why)
{
	say("failed: ");
	say(why);
	say("\n");
	off();
}

#define expect(what)                \
	do {                        \
		if (!(what))        \
			fail(#what); \
	} while (0)

void *memset(void *to, int v, size_t n)
{
	volatile uint8_t *at = to;

	while (n--)
		*at++ = (uint8_t)v;
	return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
	volatile uint8_t *at = to;
	const uint8_t *f = from;

	while (n--)
		*at++ = *f++;
	return to;
}

static inline void fence(void)
{
	__asm__ volatile("lock; addl $0, (%%esp)" : : : "memory");
}

/* Numbers that look like chance, the same at each run of the same seed. */
extern const uint32_t seed;
static uint32_t state;

static uint32_t any(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static uint32_t below(uint32_t n)
{
	return any() % n;
}

/* One that something may go wrong at. */
static uint32_t odd(void)
{
	static const uint32_t edge[] = { 0, 1, 2, 3, 4095, 4096, 0x7fffffff, 0x80000000, 0xfffff000,
		0xffffffff, RAM - 1, RAM, RAM + 1, RAM - 16, MMIO, IOAPIC, LAPIC, 0xffff, 0x10000 };

	return below(3) ? edge[below(sizeof(edge) / sizeof(*edge))] : any() >> below(32);
}

/* --- devices ------------------------------------------------------------------------------ */

static inline volatile uint32_t *reg(unsigned slot, unsigned off)
{
	return (volatile uint32_t *)(MMIO + slot * 4096 + off);
}

enum {
	DEVICE_ID = 0x08,
	DRIVER_FEATURES = 0x20,
	DRIVER_FEATURES_SEL = 0x24,
	QUEUE_SEL = 0x30,
	QUEUE_NUM_MAX = 0x34,
	QUEUE_NUM = 0x38,
	QUEUE_READY = 0x44,
	QUEUE_NOTIFY = 0x50,
	INTERRUPT_STATUS = 0x60,
	INTERRUPT_ACK = 0x64,
	STATUS = 0x70,
	QUEUE_DESC = 0x80,
	QUEUE_DRIVER = 0x90,
	QUEUE_DEVICE = 0xa0,
	CONFIG = 0x100,
};

enum { F_NEXT = 1, F_WRITE = 2, F_INDIRECT = 4 };
enum { NEEDS_RESET = 64, LIVE = 15 };

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct queue {
	unsigned slot, index, size;
	volatile struct desc *desc;
	volatile uint16_t *avail; /* flags, idx, ring */
	volatile uint16_t *used;  /* flags, idx, and pairs of 32 bits from [2] on */
	uint16_t seen;
};

static uint32_t heap = HEAP;

/* Never comes back; RAM ends. A device that is set up anew begins at 'heap_mark' again. */
static void *take(uint32_t n)
{
	uint32_t at = (heap + 15) & ~15U;

	expect(at + n < RAM - WINDOW);
	heap = at + n;
	return (void *)at;
}

/* Where nothing is all bits are set. */
static bool is_device(unsigned slot)
{
	return *reg(slot, DEVICE_ID) != 0xffffffff;
}

static int find(uint32_t id)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (*reg(i, DEVICE_ID) == id)
			return (int)i;
	return -1;
}

static unsigned need(uint32_t id)
{
	int slot = find(id);

	expect(slot >= 0);
	return (unsigned)slot;
}

/* Up to FEATURES_OK: 'low' of the features are the device's, and EVENT_IDX, INDIRECT. */
static void offer(unsigned slot, uint32_t low)
{
	*reg(slot, STATUS) = 0;
	*reg(slot, STATUS) = 1;
	*reg(slot, STATUS) = 3;
	*reg(slot, 0x14) = 0; /* DeviceFeaturesSel */
	low &= *reg(slot, 0x10);
	*reg(slot, DRIVER_FEATURES_SEL) = 0;
	*reg(slot, DRIVER_FEATURES) = low;
	*reg(slot, DRIVER_FEATURES_SEL) = 1;
	*reg(slot, DRIVER_FEATURES) = 1; /* VERSION_1 */
	*reg(slot, STATUS) = 11;
	expect(*reg(slot, STATUS) == 11);
}

static void set_queue(struct queue *q)
{
	*reg(q->slot, QUEUE_SEL) = q->index;
	*reg(q->slot, QUEUE_NUM) = q->size;
	*reg(q->slot, QUEUE_DESC) = (uint32_t)q->desc;
	*reg(q->slot, QUEUE_DESC + 4) = 0;
	*reg(q->slot, QUEUE_DRIVER) = (uint32_t)q->avail;
	*reg(q->slot, QUEUE_DRIVER + 4) = 0;
	*reg(q->slot, QUEUE_DEVICE) = (uint32_t)q->used;
	*reg(q->slot, QUEUE_DEVICE + 4) = 0;
	*reg(q->slot, QUEUE_READY) = 1;
}

#define QUEUES_MAX 8U
#define F_INDIRECT_DESC (1U << 28)

struct device {
	unsigned slot, queues;
	struct queue q[QUEUES_MAX];
};

/* All queues, and DRIVER_OK. Memory is taken at the first time, and used again. */
static void set_up(struct device *d, unsigned slot, uint32_t low)
{
	offer(slot, low);
	d->slot = slot;
	d->queues = 0;
	for (unsigned i = 0; i < QUEUES_MAX; i++) {
		struct queue *q = &d->q[i];
		uint32_t max;

		*reg(slot, QUEUE_SEL) = i;
		max = *reg(slot, QUEUE_NUM_MAX);
		if (!max)
			break;
		q->slot = slot;
		q->index = i;
		q->size = max < 16 ? max : 16;
		if (!q->desc) {
			q->desc = take(16 * 16);
			q->avail = take(2 * (3 + 16));
			q->used = take(8 * 16 + 8);
		}
		memset((void *)q->desc, 0, 16 * 16);
		memset((void *)q->avail, 0, 2 * (3 + 16));
		memset((void *)q->used, 0, 8 * 16 + 8);
		q->seen = 0;
		set_queue(q);
		d->queues++;
	}
	*reg(slot, STATUS) = LIVE;
}

static bool is_broken(const struct device *d)
{
	return *reg(d->slot, STATUS) & NEEDS_RESET;
}

static void describe(struct queue *q, unsigned i, uint64_t at, uint32_t len, unsigned flags, unsigned next)
{
	q->desc[i].addr = at;
	q->desc[i].len = len;
	q->desc[i].flags = (uint16_t)flags;
	q->desc[i].next = (uint16_t)next;
}

static void post(struct queue *q, unsigned head)
{
	q->avail[2 + q->avail[1] % q->size] = (uint16_t)head;
	fence();
	q->avail[1]++;
	fence();
}

static void kick(struct queue *q)
{
	*reg(q->slot, QUEUE_NOTIFY) = q->index;
}

/* Something came back, within a time. */
static bool came(struct queue *q, uint32_t *ret_len)
{
	for (uint32_t n = 0; n < SLOW_TURN && q->used[1] == q->seen; n++)
		fence();
	if (q->used[1] == q->seen)
		return false;
	if (ret_len)
		*ret_len = *(volatile uint32_t *)(q->used + 2 + 4 * (q->seen % q->size) + 2);
	q->seen++;
	return true;
}

/*
 * A descriptor of chance, which leads out of RAM, around its end, or into its last 1 MiB, but
 * nowhere that this program is: a device may well write to where it is told to.
 */
static void describe_wild(struct queue *q, unsigned i, unsigned flags, unsigned next)
{
	uint64_t at = (uint64_t)(below(4) ? 0 : odd()) << 32 | odd();
	uint32_t len = odd();

	if (len > WINDOW && len <= RAM)
		len |= 0x80000000;
	if (at < RAM && len <= RAM && at + len <= RAM)
		at = RAM - WINDOW + (at + len) % WINDOW;
	describe(q, i, at, len, flags, next);
}

/* A request of one part to be read and one to be written, in descriptors 0 and 1. */
static bool ask(struct queue *q, const void *out, uint32_t out_len, void *in, uint32_t in_len, uint32_t *ret_len)
{
	unsigned n = 0;

	if (out_len)
		describe(q, n++, (uint32_t)out, out_len, in_len ? F_NEXT : 0, 1);
	if (in_len)
		describe(q, n, (uint32_t)in, in_len, F_WRITE, 0);
	post(q, 0);
	kick(q);
	return came(q, ret_len);
}

/* The VMM is there and does what it ought to: bytes of chance come, and not the same. */
static void still_served(void)
{
	static struct device d;
	static volatile uint32_t bytes[8];
	uint32_t len = 0;

	set_up(&d, need(ID_RNG), 0);
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = 0;
	expect(ask(&d.q[0], NULL, 0, (void *)bytes, sizeof(bytes), &len));
	expect(len == sizeof(bytes));
	expect(bytes[0] != bytes[1] && bytes[2] != bytes[3] && (bytes[4] || bytes[5]));
	*reg(d.slot, STATUS) = 0;
}

/* --- another CPU -------------------------------------------------------------------------- */

static void (*volatile other_main)(void);
static volatile uint32_t other_is_up;

__attribute__((used)) static void other_enter(void)
{
	other_is_up = 1;
	other_main();
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* From real mode at 0x8000 to where this CPU is. */
__asm__(".code16\n"
	"other_begin:\n"
	"	cli\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %ds\n"
	"	lgdtl (0x8000 + other_gdtr - other_begin)\n"
	"	mov $1, %eax\n"
	"	mov %eax, %cr0\n"
	"	ljmpl $8, $other_flat\n"
	"	.p2align 3\n"
	"other_gdt:\n"
	"	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
	"other_gdtr:\n"
	"	.word 23\n"
	"	.long 0x8000 + other_gdt - other_begin\n"
	"other_end:\n"
	".code32\n"
	"other_flat:\n"
	"	mov $16, %eax\n"
	"	mov %eax, %ds\n"
	"	mov %eax, %es\n"
	"	mov %eax, %ss\n"
	"	mov $0x180000, %esp\n"
	"	call other_enter\n");
extern const uint8_t other_begin[], other_end[];

static void start_other(void (*f)(void))
{
	volatile uint32_t *lapic = (volatile uint32_t *)LAPIC;

	other_main = f;
	memcpy((void *)0x8000, other_begin, (size_t)(other_end - other_begin));
	lapic[0xf0 / 4] = 0x1ff;
	lapic[0x310 / 4] = 1U << 24;
	lapic[0x300 / 4] = 0x4500; /* INIT */
	for (volatile unsigned i = 0; i < 1000; i++)
		;
	lapic[0x310 / 4] = 1U << 24;
	lapic[0x300 / 4] = 0x4608; /* start at page 8 */
	for (uint32_t n = 0; n < SLOW_TURN && !other_is_up; n++)
		fence();
	expect(other_is_up);
}

/* --- what the processor refuses ------------------------------------------------------------ */

static volatile uint32_t refused; /* instructions */

/* Two bytes long: rdmsr, wrmsr. The error code is on top. */
__asm__("on_refusal:\n"
	"	incl refused\n"
	"	addl $2, 4(%esp)\n"
	"	addl $4, %esp\n"
	"	iret\n"
	"on_other:\n"
	"	mov $0x600, %dx\n"
	"	out %al, %dx\n"
	"	hlt\n");
void on_refusal(void), on_other(void);

/* Descriptors for the segments that are loaded already, and handlers. */
static void catch_refusals(void)
{
	static uint64_t gdt[3] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff }, idt[32];
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) gdtr = { sizeof(gdt) - 1, (uint32_t)gdt },
				  idtr = { sizeof(idt) - 1, (uint32_t)idt };

	for (unsigned i = 0; i < 32; i++) {
		uint64_t at = (uint32_t)(i == 13 ? on_refusal : on_other);

		idt[i] = (at & 0xffff) | 8 << 16 | 0x8e00ULL << 32 | (at >> 16) << 48;
	}
	__asm__ volatile("lgdt %0; lidt %1; ljmp $8, $1f; 1: mov $16, %%eax; mov %%eax, %%ds; "
			 "mov %%eax, %%es; mov %%eax, %%ss"
			 :
			 : "m"(gdtr), "m"(idtr)
			 : "eax", "memory");
}

/* --- begin and end ------------------------------------------------------------------------ */

__attribute__((used)) static void enter(void)
{
	state = 2463534242U ^ (seed * 2654435761U);
	main();
	say("done\n");
	off();
}
