/* SPDX-License-Identifier: Apache-2.0 */
/*
 * man.h - manual pages made from the tables of commands (mdoc(7)).
 *
 * The build runs 'brig help --man VERB' and puts the prose of man/brig-VERB.in in front
 * of SEE ALSO.
 */
#ifndef BRIG_CLI_MAN_H
#define BRIG_CLI_MAN_H

struct buf;
struct command;

/* The page of one command; with NULL the list of all commands, for brig(1). */
int man_page(const struct command *c, struct buf *out);

#endif
