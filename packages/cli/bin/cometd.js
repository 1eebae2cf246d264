#!/usr/bin/env node
import { leave, main } from '../dist/index.js';

leave(await main(process.argv.slice(2), process.env));
