import { render } from 'preact'; render(<p>Desk</p>, document.getElementById('app')!);
