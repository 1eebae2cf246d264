/** Services over messages alone, as in the mesh, and over addresses. */
import { describe } from 'vitest';
import { Cloud } from '../clouds.ts';
import { addressedServiceSuite, unaddressedServiceSuite } from './address-suite.ts';
import { serviceSuite, serviceWords } from './service-suite.ts';

serviceSuite(() => new Cloud());
serviceWords(() => new Cloud());
unaddressedServiceSuite(() => new Cloud());

describe('over addresses', () => {
  serviceSuite(() => new Cloud({ addresses: true }));
  addressedServiceSuite(() => new Cloud({ addresses: true }));
});
