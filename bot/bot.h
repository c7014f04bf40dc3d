/*
 * bot.h - the conversation: Telegram's updates in, dialogue out.
 *
 *   intake (webhook or getUpdates) --POST /api/updates--> backend's inbox
 *   work: claims updates, runs the dialogue (flow.h), POSTs the finish
 *   sender (telegram/sender.h): sends what the finish handed back
 *
 * The bot keeps nothing: a crash at any point hands its updates out again.
 */
#ifndef BOT_BOT_H
#define BOT_BOT_H

int bot_main(int argc, char **argv); /* tintype bot */

#endif
