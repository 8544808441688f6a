import { mount } from 'svelte';
import App from './App.svelte';
import './style.css';
import './live.css';
import './reach.css';

mount(App, { target: document.getElementById('app')! });
