/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.h - what this machine can do for brig, gathered before anything is printed.
 *
 * Every finding is a row: what was looked at, how it is, what was found, what a person
 * can do. All texts are owned by the report.
 */
#ifndef BRIG_CLI_DOCTOR_H
#define BRIG_CLI_DOCTOR_H

#include "base/err.h"
#include "base/json.h"
#include "linux/probe.h"

struct wall;

struct doctor_row {
	const char *name;
	const char *what;
	struct probe_result result;
};

struct doctor_wall {
	const struct wall *wall;
	struct err err; /* code 0: it works */
};

#define DOCTOR_ROWS  32
#define DOCTOR_WALLS 8

struct doctor {
	struct doctor_wall walls[DOCTOR_WALLS];
	size_t walls_n;
	const struct wall *best; /* what auto takes; NULL when none works */
	struct doctor_row system[DOCTOR_ROWS];
	size_t system_n;
	struct doctor_row own[DOCTOR_ROWS]; /* directories, helper programs, images */
	size_t own_n;
	char ids[256]; /* the mapping in words */
	bool good;     /* a wall that separates processes works */
};

void doctor_look(struct doctor *d);
struct json *doctor_json(const struct doctor *d);

#endif
