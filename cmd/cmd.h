/*
 * cmd.h - the commands of the one binary.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

int cmd_up(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_migrate(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_preset(int argc, char **argv);
int cmd_sandbox(int argc, char **argv);

#endif
