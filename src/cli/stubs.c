#include "cli/command.h"
#include "cli/verbs.h"
#include "base/buf.h"
const struct command verb_agent = { .name = "agent" };
const struct command verb_apply = { .name = "apply" };
const struct command verb_completion = { .name = "completion" };
const struct command verb_diff = { .name = "diff" };
const struct command verb_discard = { .name = "discard" };
const struct command verb_doctor = { .name = "doctor" };
const struct command verb_help = { .name = "help" };
const struct command verb_image = { .name = "image" };
const struct command verb_undo = { .name = "undo" };
const struct command verb_version = { .name = "version" };
int command_help(const struct command *c, const struct command *p, struct buf *b){(void)c;(void)p;(void)b;return 0;}
