export { drainable } from '../../../example-app/drain.js';
