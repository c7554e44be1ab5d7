import test from 'ava';
import { EVENTS, ODD, parseChatLine, parseChatLog } from '../../bench/replay/chat-log.js';

test('a message has a time, a nick and a text', (t) => {
  t.like(parseChatLine('[09:14] <crimsun> does it work?'), {
    kind: 'message',
    nick: 'crimsun',
    minute: 554,
    text: 'does it work?',
  });
});

test('a nick may hold anything but a closing angle bracket', (t) => {
  t.is(parseChatLine('[09:15] <|QuaD-> totem <xine>').nick, '|QuaD-');
});

test('a message may be empty', (t) => {
  t.like(parseChatLine('[07:54] <rosendahl>'), { kind: 'message', nick: 'rosendahl', text: '' });
});

test('an action is told from a message', (t) => {
  t.like(parseChatLine('[10:00]  * ada pours tea'), { kind: 'action', nick: 'ada', text: 'pours tea' });
});

test('joins, parts and nick changes belong to one publisher', (t) => {
  t.like(parseChatLine('=== ada [~ada@host] has joined #x'), { kind: 'event', nick: EVENTS, minute: -1 });
});

test('a line of no known form is kept as it stands', (t) => {
  for (const line of ['', ' ', '[25:61]', '<ada> no time', '[09:14] < > ', '\u0001\ufffd']) {
    const parsed = parseChatLine(line);
    t.is(parsed.line, line);
    if (line !== '[09:14] < > ') t.is(parsed.nick, ODD);
  }
});

test('a log has as many items as lines, whether or not the last one ends', (t) => {
  t.is(parseChatLog('a\n\nb\n').length, 3);
  t.is(parseChatLog('a\n\nb').length, 3);
  t.is(parseChatLog('').length, 0);
  t.is(parseChatLog('\n').length, 1);
});

test('line ends of other systems stay part of the line', (t) => {
  t.is(parseChatLine('[09:14] <ada> hi\r').line, '[09:14] <ada> hi\r');
});
