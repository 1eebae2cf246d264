/** Section 1.2 of the behaviour: transports and extensions are registered, found and removed. */
import { expect } from 'vitest';
import { type Transport, typeOf } from './support/cometd.ts';
import { behaviour } from './support/visit.ts';

behaviour('registry', (behaves) => {
  behaves('transports are registered once, at the end or where they are told', (visit) => {
    const { cometd, lib } = visit;
    const told: unknown[][] = [];
    const transport = new lib.LongPollingTransport();
    const registered = transport.registered as (...args: unknown[]) => void;
    transport.registered = (...args: unknown[]) => {
      told.push(args);
      registered.apply(transport, args);
    };
    expect(cometd.registerTransport('first', transport, 0)).toBe(true);
    expect(cometd.registerTransport('last', new lib.LongPollingTransport())).toBe(true);
    expect(cometd.registerTransport('last', new lib.LongPollingTransport())).toBe(false);
    expect(cometd.getTransportTypes()).toEqual(['first', 'long-polling', 'last']);
    expect(told).toEqual([['first', cometd]]);
    expect(typeOf(transport)).toBe('first');
    expect(cometd.findTransport('first')).toBe(transport);
    expect(cometd.findTransport('none')).toBeNull();
  });

  behaves('an unregistered transport is told and returned', (visit) => {
    const { cometd } = visit;
    const transport = cometd.findTransport('long-polling') as Transport;
    let told = 0;
    transport.unregistered = () => void told++;
    expect(cometd.unregisterTransport('long-polling')).toBe(transport);
    expect(cometd.unregisterTransport('long-polling')).toBeNull();
    expect([told, cometd.getTransportTypes()]).toEqual([1, []]);
  });

  behaves('the list of types is a copy', ({ cometd }) => {
    cometd.getTransportTypes().push('x');
    expect(cometd.getTransportTypes()).toEqual(['long-polling']);
  });

  behaves('the registry negotiates by its own order', (visit) => {
    const registry = visit.use('long-polling', 'callback-polling').getTransportRegistry();
    visit.configure();
    const [url, version] = ['http://localhost:8080/cometd', '1.0'];
    expect(registry.findTransportTypes(version, false, url)).toEqual(['long-polling', 'callback-polling']);
    const found = registry.negotiateTransport(['callback-polling', 'long-polling'], version, false, url);
    expect(typeOf(found)).toBe('long-polling');
    expect(registry.negotiateTransport(['other'], version, false, url)).toBeNull();
    expect(registry.find('long-polling')).toBe(found);
    expect(registry.remove('long-polling')).toBe(found);
    registry.clear();
    expect(registry.getTransportTypes()).toEqual([]);
  });

  behaves('the registry takes a type once, and says whether it did', (visit) => {
    const registry = visit.cometd.getTransportRegistry();
    const [own, other] = [registry.find('long-polling'), new visit.lib.LongPollingTransport()];
    expect(registry.add('long-polling', other)).toBe(false);
    expect(registry.find('long-polling')).toBe(own);
    expect(registry.add('other', other, 0)).toBe(true);
    expect(registry.getTransportTypes()).toEqual(['other', 'long-polling']);
    expect(registry.remove('none')).toBeNull();
  });

  behaves('extensions are told of their registration and its end', ({ cometd }) => {
    const told: unknown[][] = [];
    const extension = {
      registered: (...args: unknown[]) => void told.push(['registered', ...args]),
      unregistered: (...args: unknown[]) => void told.push(['unregistered', ...args]),
    };
    expect(cometd.registerExtension('x', extension)).toBe(true);
    expect(cometd.registerExtension('x', {})).toBe(false);
    expect(cometd.getExtension('x')).toBe(extension);
    expect(cometd.unregisterExtension('x')).toBe(true);
    expect(cometd.unregisterExtension('x')).toBe(false);
    expect(cometd.getExtension('x')).toBeNull();
    expect(told).toEqual([['registered', 'x', cometd], ['unregistered']]);
  });
});
