/**
 * The chat that the demo plays when it is given no log: three rooms of a small observatory on an island, in the same
 * format as a log file. Written for this demo.
 */

const LIGHTHOUSE = `
[21:02] <ada> evening all. the lamp is lit, the kettle is on, the sea is being dramatic again
[21:02] <bertil> it heard you were on shift
[21:03] <noor> has anyone seen the spare fuse? tall, shy, about 16 amps
[21:03] <ada> second drawer, under the biscuits
[21:03] <noor> there are no biscuits
[21:03] <ada> then it is in the drawer where there used to be biscuits
[21:04]  * bertil whistles and looks at the horizon
[21:04] <juno> ship at north-north-west, flashing something
[21:05] <juno> it says HELLO. what do we say back?
[21:05] <bertil> HELLO is traditional
[21:05] <noor> ask if they have biscuits
[21:06] <juno> they say: ONLY CRISPBREAD
[21:06] <ada> tell them the harbour is that way and so is the jam
[21:07] <silas> I leave for ten minutes and we have opened a café for ships
[21:07] <juno> reviews are good so far. "bright", "rotates nicely"
[21:08] <silas> five stars, and we have thousands of them
[21:08] <noor> who unplugged the fog horn
[21:08] <bertil> it was interrupting my podcast
[21:09] <noor> bertil.
[21:09] <bertil> I have plugged it back in
[21:10] <ada> if one of us falls asleep the others keep the light on. that is the whole job
[21:10] <silas> you are describing distributed systems
[21:10] <ada> I am describing Tuesday
[21:11] <juno> the ship says THANK YOU and also GOODNIGHT
[21:11]  * juno waves with the big lamp
[21:12] <noor> found the fuse. it was in my pocket. we will not speak of this
`;

const KITCHEN = `
[21:02] <mei> soup is at 80 degrees and opinions are at 100
[21:02] <otto> it needs salt
[21:02] <fern> it needs less salt
[21:03] <mei> consensus is overrated, everybody gets their own bowl
[21:03] <pablo> did somebody feed the sourdough?
[21:04] <otto> I did
[21:04] <fern> so did I
[21:04] <tove> me too, just now
[21:05] <pablo> it has left the jar. it is on the table. it is looking at me
[21:05] <mei> that is why we number things: feed it once, whoever asks
[21:05] <otto> exactly-once sourdough
[21:06] <fern> at-least-once is how you get Gerald
[21:06] <pablo> you NAMED it?
[21:06]  * tove draws a small smile on the jar
[21:07] <mei> who took the last cinnamon bun
[21:07] <otto> define last
[21:07] <mei> the one after which there were none
[21:08] <tove> technically the bun was replicated. I have a copy in my pocket
[21:08] <fern> three copies, two acknowledged, one eaten
[21:08] <pablo> Gerald has reached the window
[21:09] <mei> open it, he may want some air
[21:09] <otto> dinner in five. bring a spoon and no arguments
[21:10] <fern> bringing a spoon
[21:10] <tove> bringing two, in case one fails
[21:11] <pablo> Gerald is now load-bearing. please do not move the east wall
[21:12] <mei> soup is served. it was the salt
`;

const OBSERVATORY = `
[21:02] <iris> dome open. sky clear. neck already stiff
[21:02] <hugo> what are we looking at tonight?
[21:03] <iris> a galaxy that stopped existing a while ago. the news is still on its way
[21:03] <hugo> eventual consistency
[21:03] <lena> very eventual
[21:04] <yusuf> there is a cat on the spectrograph
[21:04] <iris> what does it read?
[21:04] <yusuf> strong absorption in the tuna band
[21:05] <hugo> I see something moving! at 40 degrees, fast, blinking
[21:05] <lena> red and green?
[21:05] <hugo> yes!!
[21:06] <lena> that is the 21:05 to Lisbon
[21:06]  * hugo crosses out "discovery" and writes "plane"
[21:07] <iris> log it anyway. we never lose an observation
[21:07] <yusuf> the cat has been logged too. twice, but with the same id, so once
[21:08] <lena> can somebody nudge the telescope two arc seconds left
[21:08] <hugo> done
[21:08] <lena> my left
[21:09] <hugo> undone, and done
[21:09] <iris> there it is. oh, that is lovely. come and look, one at a time
[21:10] <yusuf> it looks like a halo
[21:10] <lena> a ring of a thousand little lights and nobody in the middle
[21:11] <hugo> who keeps it going?
[21:11] <iris> all of them
[21:11]  * yusuf puts the kettle on and the cat off
[21:12] <lena> same time tomorrow. bring the cat
`;

export const STORY: ReadonlyMap<string, string> = new Map([
  ['lighthouse', LIGHTHOUSE.trimStart()],
  ['kitchen', KITCHEN.trimStart()],
  ['observatory', OBSERVATORY.trimStart()],
]);
