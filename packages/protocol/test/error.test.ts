/** Error texts, there and back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BayeuxError, type BayeuxErrorCode, errorTable, errorText, parseError } from '../src/index.ts';

const codes = Object.keys(errorTable) as BayeuxErrorCode[];

describe('the error table', () => {
  it.each<[string, BayeuxErrorCode, string[]]>([
    ['400::channel_missing', 'channel_missing', []],
    ['402::session_unknown', 'session_unknown', []],
    ['403::handshake_denied', 'handshake_denied', []],
    ['403::handshake_failed', 'handshake_failed', []],
    ['403:denied_by_security_policy:channel_create_denied', 'channel_create_denied', ['denied_by_security_policy']],
    ['403:denied_by_security_policy:create_denied', 'create_denied', ['denied_by_security_policy']],
    ['403:denied_by_not_granting:publish_denied', 'publish_denied', ['denied_by_not_granting']],
    ['403:not yours:subscribe_denied', 'subscribe_denied', ['not yours']],
    ['403::subscription_missing', 'subscription_missing', []],
    ['403::subscription_invalid', 'subscription_invalid', []],
    ['403::subscribe_failed', 'subscribe_failed', []],
    ['403::unsubscribe_failed', 'unsubscribe_failed', []],
    ['404::message_deleted', 'message_deleted', []],
    ['405::channel_invalid', 'channel_invalid', []],
    ['405::message_id_invalid', 'message_id_invalid', []],
    ['406::timeout', 'timeout', []],
    ['400:maxChannelLength,255:limit_exceeded', 'limit_exceeded', ['maxChannelLength', '255']],
    ['400:ext:message_invalid', 'message_invalid', ['ext']],
    ['503:maxSessions:overloaded', 'overloaded', ['maxSessions']],
  ])('writes and reads %s', (wire, code, args) => {
    expect(errorText(code, ...args)).toBe(wire);
    expect(parseError(wire)).toEqual({ status: errorTable[code].status, args, text: errorTable[code].text, code });
  });

  it.each<[string, BayeuxErrorCode, string[]]>([
    ['402::Unknown client', 'session_unknown', []],
    ['402::unknown_session', 'session_unknown', []],
    ['401:abc123:Unknown client', 'session_unknown', ['abc123']],
    ['402:xj3sjdsjdsjad:Unknown Client ID', 'session_unknown', ['xj3sjdsjdsjad']],
    ['401::No client ID', 'session_unknown', []],
    ['404::message deleted', 'message_deleted', []],
    ['403::Handshake denied', 'handshake_denied', []],
    ['403:r:create denied', 'channel_create_denied', ['r']],
    ['403:r:publish denied', 'publish_denied', ['r']],
    ['403:xj3s,/foo/bar:Subscription denied', 'subscribe_denied', ['xj3s', '/foo/bar']],
    ['400::channel missing', 'channel_missing', []],
    ['405::invalid_channel', 'channel_invalid', []],
    ['405:/a//b:Invalid channel', 'channel_invalid', ['/a//b']],
    ['405::invalid_id', 'message_id_invalid', []],
    ['300:1.0:Version mismatch', 'version_unsupported', ['1.0']],
    ['301:iframe:Connection types not supported', 'connection_types_unsupported', ['iframe']],
  ])('reads the older %s', (wire, code, args) => {
    const parsed = parseError(wire);
    expect(parsed?.code).toBe(code);
    expect(parsed?.args).toEqual(args);
    expect(parsed?.status).toBe(Number(wire.slice(0, 3)));
  });

  it('reads texts it has no name for, without a code', () => {
    expect(parseError('407:a,,b:Failed: to publish')).toEqual({
      status: 407,
      args: ['a', '', 'b'],
      text: 'Failed: to publish',
    });
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect(parseError(`400::${name}`)).toEqual({ status: 400, args: [], text: name });
    }
  });

  it('does not read other forms', () => {
    for (const text of ['', '402', '402:', '402::', '402:a', '40::x', 'abc::x', '4020::x', ' 402::x', '٤٠٢::x', 'No']) {
      expect(parseError(text)).toBeUndefined();
    }
  });

  it('replaces what would not parse back, and cuts what is too long', () => {
    expect(errorText('publish_denied', 'a:b,c\r\nd\u0000e\u007ff\u2028g\u2029h')).toBe(
      '403:a_b_c__d_e_f_g_h:publish_denied',
    );
    expect(parseError(errorText('publish_denied', 'x'.repeat(255)))?.args[0]).toHaveLength(255);
    expect(parseError(errorText('publish_denied', 'x'.repeat(256)))?.args[0]).toHaveLength(255);
  });

  it('reads back whatever it writes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 }),
        (code, args) => {
          const wire = errorText(code, ...args);
          const parsed = parseError(wire);
          expect(parsed?.code).toBe(code);
          // Nothing between the colons cannot be told from one empty argument.
          expect(parsed?.args.length).toBe(args.length === 1 && args[0] === '' ? 0 : args.length);
          expect(errorText(code, ...(parsed?.args ?? []))).toBe(wire);
        },
      ),
    );
  });

  it('parses any text without throwing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        parseError(text);
        expect(BayeuxError.from(text).wire).toBe(text);
      }),
    );
  });
});

describe('BayeuxError', () => {
  it('carries code, status, arguments, wire text and cause', () => {
    const cause = new Error('why');
    const error = new BayeuxError('publish_denied', ['denied_by_security_policy'], { cause });
    expect(error).toMatchObject({
      name: 'BayeuxError',
      code: 'publish_denied',
      status: 403,
      args: ['denied_by_security_policy'],
      wire: '403:denied_by_security_policy:publish_denied',
      cause,
    });
    expect(error.message).toBe('403:denied_by_security_policy:publish_denied');
    expect('cause' in new BayeuxError('timeout')).toBe(false);
  });

  it('keeps the status and the text that a peer sent', () => {
    expect(BayeuxError.from('401:abc:Unknown client')).toMatchObject({
      code: 'session_unknown',
      status: 401,
      args: ['abc'],
      wire: '401:abc:Unknown client',
    });
  });

  it('calls unknown what it does not know', () => {
    expect(BayeuxError.from('Authentication failed')).toMatchObject({
      code: 'error_unknown',
      status: 500,
      wire: 'Authentication failed',
    });
    expect(BayeuxError.from('409:x:busy')).toMatchObject({ code: 'error_unknown', status: 409, args: ['x'] });
  });
});
